import ProjectTools

/// The report of a browser test run as one HTML file that needs nothing else: pictures are inside it.
struct ReportPage: Sendable {
    /// A picture for the report.
    struct Picture: Sendable, Hashable {
        var caption: String
        /// PNG.
        var bytes: [UInt8]
        /// Whether it is of a narrow screen.
        var isPhone: Bool
    }

    /// Pictures beyond this many bytes in all are left out, with a note.
    static let maxPictureBytes = 8 << 20

    var title: String
    var summary: String
    var passed: Bool
    var cases: [TestCase]
    var survey: BrowserSurvey
    var pictures: [Picture]

    /// The HTML text.
    func html() -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(Self.escape(title)): browser tests</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <main>
        <h1>\(Self.escape(title))</h1>
        <p class="verdict \(passed ? "good" : "bad")">\(Self.escape(summary))</p>
        \(findings())
        <h2>Tests</h2>
        <table><thead><tr><th>Test</th><th>Result</th><th class="number">Seconds</th></tr></thead>
        <tbody>
        \(cases.map(Self.row).joined(separator: "\n"))
        </tbody></table>
        <h2>Pages</h2>
        <table><thead><tr><th>Path</th><th>Title</th><th>Status</th><th class="number">Loaded in ms</th></tr></thead>
        <tbody>
        \(survey.pages.map(Self.row).joined(separator: "\n"))
        </tbody></table>
        \(gallery())
        <footer>\(Self.escape(survey.browser))</footer>
        </main>
        </body>
        </html>

        """
    }

    private func findings() -> String {
        guard !survey.findings.isEmpty else { return "" }
        let items = survey.findings.prefix(100).map { finding in
            "<li class=\"\(finding.isError ? "bad" : "warn")\"><b>\(Self.escape(finding.kind))</b> on "
                + "<code>\(Self.escape(finding.page))</code>: \(Self.escape(finding.message))</li>"
        }
        return "<h2>Findings</h2>\n<ul>\n" + items.joined(separator: "\n") + "\n</ul>"
    }

    private func gallery() -> String {
        var room = Self.maxPictureBytes
        var figures: [String] = []
        var leftOut = 0
        for picture in pictures {
            guard picture.bytes.count <= room else {
                leftOut += 1
                continue
            }
            room -= picture.bytes.count
            figures.append(
                "<figure class=\"\(picture.isPhone ? "phone" : "desktop")\">"
                    + "<img alt=\"\(Self.escape(picture.caption))\" src=\"data:image/png;base64,\(Self.base64(picture.bytes))\">"
                    + "<figcaption>\(Self.escape(picture.caption))</figcaption></figure>"
            )
        }
        guard !figures.isEmpty else { return "" }
        let note = leftOut == 0 ? "" : "<p>\(leftOut) more pictures are among the artifacts.</p>"
        return "<h2>Pictures</h2>\n<div class=\"gallery\">\n" + figures.joined(separator: "\n") + "\n</div>\n" + note
    }

    private static func row(_ test: TestCase) -> String {
        let result: (mark: String, text: String, note: String) =
            switch test.outcome {
            case .passed: ("good", "passed", "")
            case .skipped: ("warn", "skipped", "")
            case .failed(let reason): ("bad", "failed", "<pre>\(escape(reason))</pre>")
            }
        return "<tr><td>\(escape(test.name))\(result.note)</td><td class=\"\(result.mark)\">\(result.text)</td>"
            + "<td class=\"number\">\(hundredths(test.seconds))</td></tr>"
    }

    private static func row(_ page: BrowserSurvey.Page) -> String {
        let status = page.status.map(String.init) ?? "no answer"
        let mark = page.findings.contains(where: \.isError) ? "bad" : "good"
        return "<tr><td><code>\(escape(page.path))</code></td><td>\(escape(page.title))</td>"
            + "<td class=\"\(mark)\">\(status)</td><td class=\"number\">\(page.loadMilliseconds)</td></tr>"
    }

    private static func hundredths(_ seconds: Double) -> String {
        let value = Int((seconds * 100).rounded())
        let rest = value % 100
        return "\(value / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Text for element content and for attributes in double or single quotes.
    static func escape(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// RFC 4648, section 4.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for position in 0..<4 {
                let isPadding = position > group.count
                result.append(isPadding ? UInt8(ascii: "=") : alphabet[bits >> (18 - 6 * position) & 63])
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static let style = """
        :root { color-scheme: light dark; --line: #8884; --good: #1a7f4b; --bad: #c2362f; --warn: #9a6700; }
        @media (prefers-color-scheme: dark) { :root { --good: #4cc38a; --bad: #ff7b72; --warn: #d9a441; } }
        body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
        main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem; }
        h1 { margin: 0; } h2 { margin-top: 2.5rem; }
        .verdict { font-size: 1.2rem; } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
        .number { text-align: right; font-variant-numeric: tabular-nums; }
        pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0 0; font-size: .8rem; }
        .gallery { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
        figure { margin: 0; } figure img { width: 100%; border: 1px solid var(--line); border-radius: 6px; }
        figure.desktop { width: min(100%, 36rem); } figure.phone { width: 12rem; } figcaption { font-size: .85rem; }
        footer { margin-top: 3rem; font-size: .85rem; opacity: .7; }
        """
}
