import JSONTools

/// The report of a validation as one HTML file that needs nothing else.
///
/// It has no scripts and no inline styles, and its own Content-Security-Policy allows one style sheet by its digest; so
/// nothing that a project prints can do anything in it.
struct ReportPage: Sendable {
    private static let maxFindings = 200

    private let report: ValidationReport

    init(_ report: ValidationReport) { self.report = report }

    /// The HTML text.
    func html() -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '\(Self.styleDigest)'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(Self.escape(report.project)): validation</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <main>
        <header>
        <p class="kind">Validation</p>
        <h1>\(Self.escape(report.project))</h1>
        <p class="verdict \(report.passes ? "good" : "bad")"><b>\(report.passes ? "Passed" : "Failed")</b> \
        \(Self.escape(report.summary))</p>
        \(problems())
        </header>
        \(figures())
        <section aria-labelledby="checks"><h2 id="checks">Checks</h2>
        \(report.checks.map(check).joined(separator: "\n"))
        </section>
        <section aria-labelledby="policy"><h2 id="policy">Policy</h2>
        <p class="note">\(Self.escape(report.policyFile.map { "From \($0)." } ?? "The standard policy; a file policy.yaml replaces it."))</p>
        <table><thead><tr><th>Rule</th><th>Measured</th><th>Level</th><th>Outcome</th></tr></thead><tbody>
        \(report.verdicts.map(Self.row).joined(separator: "\n"))
        </tbody></table></section>
        <footer>\(footer())</footer>
        </main>
        </body>
        </html>

        """
    }

    private func problems() -> String {
        guard !report.problems.isEmpty else { return "" }
        return "<ul class=\"problems\">"
            + report.problems.map { "<li>\(Self.escape($0.sentence))</li>" }.joined(separator: "\n") + "</ul>"
    }

    /// Large numbers, and bars for what is a percentage.
    private func figures() -> String {
        let metrics = report.metrics
        var figures: [String] = []
        func figure(_ title: String, _ value: String, _ note: String, bar: Double? = nil) {
            let meter = bar.map { percent -> String in
                let width = Int(percent.rounded(.down))
                return "<svg viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                    + "<rect class=\"rail\" width=\"100\" height=\"4\"/><rect class=\"bar\" width=\"\(width)\" height=\"4\"/></svg>"
            }
            figures.append(
                "<div class=\"figure\"><p class=\"kind\">\(title)</p><p class=\"number\">\(value)</p>\(meter ?? "")"
                    + "<p class=\"note\">\(note)</p></div>")
        }
        if let total = metrics[.testsTotal] {
            let failed = metrics[.testsFailed] ?? 0
            figure(
                "Tests", Metric.testsTotal.shown(total),
                failed == 0 ? "none failed" : "\(Metric.testsFailed.shown(failed)) failed")
        }
        for (metric, title) in [(Metric.lineCoverage, "Lines covered"), (.branchCoverage, "Branches covered")] {
            guard let percent = metrics[metric] else { continue }
            let rule = report.verdicts.first { $0.rule.metric == metric }
            figure(
                title, metric.shown(percent), rule.map { Self.escape($0.rule.wanted) } ?? "", bar: percent)
        }
        if let secrets = metrics[.secretsFound] {
            figure(
                "Secrets", Metric.secretsFound.shown(secrets), secrets == 0 ? "none found" : "remove and revoke them")
        }
        return figures.isEmpty
            ? "" : "<section class=\"figures\" aria-label=\"Figures\">\n\(figures.joined(separator: "\n"))\n</section>"
    }

    private func check(_ check: CheckRecord) -> String {
        var body = ""
        if case .skipped(let reason, let help) = check.status {
            body += "<p class=\"note\">\(Self.escape(reason))\(help.map { " – " + Self.escape($0) } ?? "")</p>"
        }
        if !check.findings.isEmpty {
            let rows = check.findings.prefix(Self.maxFindings).map { finding in
                "<li class=\"\(finding.severity == .error ? "bad" : "warn")\">"
                    + (finding.place.map { "<code>\(Self.escape($0))</code> " } ?? "")
                    + "<span>\(Self.escape(finding.message))</span></li>"
            }
            let more = check.findings.count - rows.count
            body += "<ul class=\"findings\">\n\(rows.joined(separator: "\n"))\n</ul>"
            if more > 0 { body += "<p class=\"note\">\(more) more are in report.json.</p>" }
        }
        let mark = Self.mark(check.status)
        let head =
            "<span class=\"mark \(mark)\">\(check.status.name)</span> <b>\(Self.escape(check.name))</b> "
            + "<span class=\"fact\">\(Self.escape(check.fact))</span><span class=\"time\">\(Self.time(check.seconds))</span>"
        guard !body.isEmpty else { return "<div class=\"check\"><p class=\"head\">\(head)</p></div>" }
        return
            "<details class=\"check\"\(mark == "bad" ? " open" : "")><summary class=\"head\">\(head)</summary>\(body)</details>"
    }

    private static func row(_ verdict: RuleVerdict) -> String {
        let outcome: (mark: String, text: String) =
            switch verdict.outcome {
            case .holds: ("good", "holds")
            case .violated: (verdict.isBlocking ? "bad" : "warn", "violated")
            case .withoutData: (verdict.isBlocking ? "bad" : "warn", "no data")
            case .notMeasured: ("", "not measured")
            }
        let value = verdict.value.map(verdict.rule.metric.shown) ?? "–"
        return "<tr><td><code>\(escape(verdict.rule.text))</code></td><td>\(escape(value))</td>"
            + "<td>\(verdict.rule.level.rawValue)</td><td class=\"\(outcome.mark)\">\(outcome.text)</td></tr>"
    }

    private func footer() -> String {
        var parts = report.tools.map { Self.escape("\($0.name) \($0.version)") }
        if let commit = report.commit { parts.append("commit <code>\(Self.escape(String(commit.prefix(12))))</code>") }
        return parts.joined(separator: " · ")
    }

    private static func mark(_ status: CheckRecord.Status) -> String {
        switch status {
        case .passed: "good"
        case .failed, .broken: "bad"
        case .skipped: "warn"
        }
    }

    private static func time(_ seconds: Double) -> String {
        guard seconds >= 0.0005 else { return "" }
        return seconds < 1 ? "\(Int((seconds * 1000).rounded())) ms" : "\((seconds * 10).rounded() / 10) s"
    }

    /// Text for element content and for attributes in double quotes.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\0": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
