import Foundation
import JSONTools

extension ReportPage {
    static let style = """
        :root { color-scheme: light dark; --bg: #f5f4f8; --card: #fff; --line: #e2e0ec; --text: #1c1a2b; --muted: #615e75;
          --accent: #4b45d6; --good: #0b7a4b; --bad: #b3261e; --warn: #8a5a00; --good-bg: #e2f5ea; --bad-bg: #fdeae8; --warn-bg: #fdf1d8; }
        @media (prefers-color-scheme: dark) { :root { --bg: #100f18; --card: #1a1926; --line: #33314a; --text: #f2f0fb;
          --muted: #a9a5c2; --accent: #8f88ff; --good: #55d69c; --bad: #ff9a92; --warn: #e6b35a; --good-bg: #143326; --bad-bg: #3d1d1b;
          --warn-bg: #382b12; } }
        * { box-sizing: border-box; }
        body { background: var(--bg); color: var(--text); font: 16px/1.55 ui-sans-serif, system-ui, sans-serif; margin: 0; }
        main { margin: 0 auto; max-width: 62rem; padding: clamp(1.25rem, 5vw, 3rem) clamp(1rem, 4vw, 2rem); }
        h1 { font-size: clamp(1.75rem, 5vw, 2.5rem); letter-spacing: -.03em; line-height: 1.15; margin: 0; overflow-wrap: anywhere; }
        h2 { font-size: 1.15rem; letter-spacing: -.01em; margin: 2.5rem 0 .75rem; }
        p { margin: 0; }
        code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .86em; overflow-wrap: anywhere; }
        .kind, .note, .fact, .time, footer { color: var(--muted); font-size: .9rem; }
        .verdict { border-radius: 999px; display: inline-block; margin-top: .9rem; padding: .3rem .95rem; }
        .verdict.good, .mark.good { background: var(--good-bg); color: var(--good); }
        .verdict.bad, .mark.bad { background: var(--bad-bg); color: var(--bad); }
        .mark.warn { background: var(--warn-bg); color: var(--warn); }
        .problems { margin: 1rem 0 0; overflow-wrap: anywhere; padding-left: 1.2rem; }
        .figures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); margin-top: 1.75rem; }
        .figure, .check, table { background: var(--card); border: 1px solid var(--line); border-radius: 16px; }
        .figure { padding: 1rem 1.2rem; }
        .number { font-size: 2rem; font-variant-numeric: tabular-nums; font-weight: 650; letter-spacing: -.03em; line-height: 1.3; }
        svg { border-radius: 4px; display: block; height: 6px; margin: .3rem 0 .5rem; width: 100%; }
        .rail { fill: var(--line); } .bar { fill: var(--accent); }
        .check { margin-bottom: .6rem; padding: .8rem 1.1rem; }
        .head { align-items: baseline; display: flex; flex-wrap: wrap; gap: .2rem .7rem; }
        summary { cursor: pointer; }
        .mark { border-radius: 999px; font-size: .8rem; font-weight: 600; min-width: 4.6rem; padding: .1rem .6rem; text-align: center; }
        .time { font-variant-numeric: tabular-nums; margin-left: auto; }
        .check .note { margin-top: .5rem; }
        .findings { border-top: 1px solid var(--line); list-style: none; margin: .8rem 0 0; padding: .4rem 0 0; }
        .findings li { padding: .3rem 0 .3rem .8rem; border-left: 3px solid var(--warn); margin-top: .4rem; overflow-wrap: anywhere; }
        .findings li.bad { border-color: var(--bad); color: inherit; }
        .findings code { color: var(--accent); margin-right: .3rem; }
        table { border-collapse: separate; border-spacing: 0; font-size: .95rem; margin-top: .6rem; overflow: hidden; width: 100%; }
        th, td { border-bottom: 1px solid var(--line); padding: .55rem .9rem; text-align: left; }
        th { color: var(--muted); font-weight: 500; }
        tr:last-child td { border-bottom: 0; }
        td.good { color: var(--good); } td.bad { color: var(--bad); font-weight: 600; } td.warn { color: var(--warn); }
        footer { margin-top: 2.5rem; }
        @media (max-width: 36rem) { .fact { flex-basis: 100%; order: 3; } th:nth-child(3), td:nth-child(3) { display: none; } }
        """

    /// `sha256-…` of the style sheet, as a Content-Security-Policy names it.
    static let styleDigest: String = {
        let digits = Array(SHA256Digest.hex(of: Array(style.utf8)).utf8)
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 2) {
            bytes.append(UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) ?? 0)
        }
        return "sha256-" + Data(bytes).base64EncodedString()
    }()
}
