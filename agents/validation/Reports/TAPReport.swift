import JSONTools
import ProjectTools

/// The tests of a report in the Test Anything Protocol (https://testanything.org, version 13 and 14).
enum TAPReport {
    /// Why a report can't be read.
    struct ParsingError: Error, Sendable, Hashable, CustomStringConvertible {
        var description: String
    }

    /// Reads the test points. Of a test with subtests, only the innermost count.
    ///
    /// - Parameter project: absolute path of the project, which places are looked for in.
    /// - Throws: ``ParsingError`` without plan or tests, when the plan says more tests than there are, or after `Bail out!`.
    static func tests(in text: String, project: String) throws(ParsingError) -> [TestReport.Test] {
        var tests: [(test: TestReport.Test, depth: Int)] = []
        var planned: Int?
        var ranAtTop = 0
        var diagnosis: [Substring]?
        for line in text.split(whereSeparator: \.isNewline) {
            let content = line.drop { $0 == " " }
            let depth = (line.count - content.count) / 4
            if diagnosis != nil {
                if content == "..." {
                    explain(&tests, diagnosis ?? [], project)
                    diagnosis = nil
                } else {
                    diagnosis?.append(content)
                }
                continue
            }
            if content == "---" {
                diagnosis = []
            } else if content.hasPrefix("Bail out!") {
                let reason = String(content.dropFirst(9).prefix(200)).cut(toBytes: 1000)
                throw ParsingError(description: "the run was given up: \(reason)")
            } else if content.hasPrefix("ok") || content.hasPrefix("not ok"), let test = point(content) {
                // It stands below its subtests, and says again what they said.
                let inner = tests.lastIndex { $0.depth <= depth }.map { $0 + 1 } ?? 0
                if depth == 0 { ranAtTop += 1 }
                if inner == tests.count { tests.append((test, depth)) } else { close(&tests, from: inner, at: depth) }
            } else if depth == 0, content.hasPrefix("1.."), let count = Int(content.dropFirst(3).prefix { $0 != " " }) {
                planned = count
            }
        }
        guard planned != nil || !tests.isEmpty else { throw ParsingError(description: "there is no plan and no test") }
        if let planned, planned > ranAtTop {
            throw ParsingError(description: "\(planned) tests were planned, and \(ranAtTop) are there")
        }
        return tests.map(\.test)
    }

    /// The subtests from `start` on become tests of their own on the level of the one that they belong to.
    private static func close(_ tests: inout [(test: TestReport.Test, depth: Int)], from start: Int, at depth: Int) {
        for index in start..<tests.count { tests[index].depth = depth }
    }

    /// `not ok 2 - adds # SKIP not today`
    private static func point(_ line: Substring) -> TestReport.Test? {
        let isGood = line.hasPrefix("ok")
        var rest = line.dropFirst(isGood ? 2 : 6)
        guard rest.isEmpty || rest.first == " " else { return nil }
        rest = rest.drop { $0 == " " || $0.isASCII && $0.isNumber }
        if rest.hasPrefix("- ") { rest = rest.dropFirst(2) }
        let parts = rest.split(separator: "# ", maxSplits: 1, omittingEmptySubsequences: false)
        let directive = parts.count == 2 ? parts[1].lowercased() : ""
        let name = String((parts.first ?? "").reversed().drop { $0 == " " }.reversed())
        var test = TestReport.Test(name: name.isEmpty ? "unnamed" : name, outcome: .passed, seconds: 0)
        if directive.hasPrefix("skip") || directive.hasPrefix("todo") {
            test.outcome = .skipped
        } else if !isGood {
            test.outcome = .failed(message: "failed")
        }
        return test
    }

    /// A failed test's own words: `message` or `error`, and a place.
    private static func explain(
        _ tests: inout [(test: TestReport.Test, depth: Int)], _ lines: [Substring], _ project: String
    ) {
        guard let last = tests.indices.last, case .failed = tests[last].test.outcome else { return }
        func value(_ name: String) -> String? {
            guard let line = lines.first(where: { $0.hasPrefix(name + ":") }) else { return nil }
            let text = line.dropFirst(name.count + 1).drop { $0 == " " }
            let quotes: Set<Character> = ["'", "\""]
            return String(text.drop { quotes.contains($0) }.reversed().drop { quotes.contains($0) }.reversed())
        }
        if let message = value("message") ?? value("error") { tests[last].test.outcome = .failed(message: message) }
        let trace = lines.joined(separator: "\n")
        if let place = TestReport.place(in: trace, project: project) {
            tests[last].test.file = place.file
            tests[last].test.line = place.line
        }
    }
}
