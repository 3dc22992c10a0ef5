import JSONTools
import ProjectTools

/// Finds the places in what a checker printed: each line that names a tracked file and a line in it.
///
/// Understood are `path:line[:column]: message` (compilers, ruff, mypy, swift format, shellcheck, grep), TypeScript's
/// `path(line,column): message`, eslint's default form (a path alone, then indented lines) and its JSON, and what node
/// prints of a syntax error.
struct CheckerOutput: Sendable {
    static let maxFindings = 200

    let project: String
    let files: TrackedFiles
    /// What findings without a rule of their own are called.
    let rule: String

    func findings(in output: String) -> [Finding] {
        if let found = eslint(output) { return found }
        let tracked = Set(files.paths)
        var findings: [Finding] = []
        var seen: Set<String> = []
        var heading: String?
        let lines = output.split(whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() where findings.count < Self.maxFindings {
            if let path = tracked.contains(relative(line)) ? relative(line) : nil {
                heading = path
                continue
            }
            guard var finding = withColons(line, tracked) ?? withBrackets(line, tracked) ?? below(heading, line),
                seen.insert("\(finding.file ?? ""):\(finding.line ?? 0):\(finding.message)").inserted
            else { continue }
            if finding.message.isEmpty {
                // node shows the line and says further down what is wrong with it.
                let error = lines[index...].prefix(6).first { $0.contains("Error: ") }
                finding.message = error.map(String.init) ?? "refused by \(rule)"
            }
            if finding.message.hasPrefix("note: ") { continue }
            if finding.message.hasPrefix("warning: ") { finding.severity = .warning }
            findings.append(finding)
        }
        // A checker that fails for warnings alone means them as errors.
        if !findings.contains(where: { $0.severity == .error }) {
            for index in findings.indices { findings[index].severity = .error }
        }
        return findings
    }

    /// `src/a.ts:3:5: message`
    private func withColons(_ line: Substring, _ tracked: Set<String>) -> Finding? {
        let parts = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 2, let number = Int(parts[1]), number > 0 else { return nil }
        let path = relative(parts[0].split(whereSeparator: \.isWhitespace).last ?? "")
        guard tracked.contains(path) else { return nil }
        // After the line there may be a column.
        let rest = parts.dropFirst(2).drop { Int($0) != nil }.joined(separator: ":").drop { $0.isWhitespace }
        return Finding(file: path, line: number, message: String(rest), rule: rule)
    }

    /// `src/a.ts(3,5): error TS2322: message`
    private func withBrackets(_ line: Substring, _ tracked: Set<String>) -> Finding? {
        guard let open = line.firstIndex(of: "("), let close = line[open...].firstIndex(of: ")"),
            let number = line[line.index(after: open)..<close].split(separator: ",").first.flatMap({ Int($0) }),
            number > 0, tracked.contains(relative(line[..<open]))
        else { return nil }
        let message = line[line.index(after: close)...].drop { $0 == ":" || $0.isWhitespace }
        return Finding(file: relative(line[..<open]), line: number, message: String(message), rule: rule)
    }

    /// `  3:5  error  message  rule`, below a line with the path.
    private func below(_ heading: String?, _ line: Substring) -> Finding? {
        guard let heading, line.first?.isWhitespace == true else { return nil }
        let words = line.split(whereSeparator: \.isWhitespace)
        guard words.count >= 3, let number = words[0].split(separator: ":").first.flatMap({ Int($0) }), number > 0,
            words[1] == "error" || words[1] == "warning"
        else { return nil }
        return Finding(
            file: heading, line: number, message: words.dropFirst(2).joined(separator: " "), rule: rule,
            severity: words[1] == "error" ? .error : .warning)
    }

    /// `eslint --format json`; nil when it isn't that.
    private func eslint(_ output: String) -> [Finding]? {
        guard let start = output.firstIndex(of: "["), output[..<start].allSatisfy(\.isWhitespace),
            let end = output.lastIndex(of: "]"),
            let list = try? JSONValue(
                parsing: Array(output[start...end].utf8), limits: JSONLimits(depth: 64, maxBytes: 32 << 20)
            ).arrayValue, list.allSatisfy({ $0["filePath"] != nil })
        else { return nil }
        return Array(
            list.flatMap { file in
                (file["messages"]?.arrayValue ?? []).map { message in
                    Finding(
                        file: file["filePath"]?.stringValue.map { relative($0) }, line: message["line"]?.intValue,
                        message: message["message"]?.stringValue ?? "", rule: message["ruleId"]?.stringValue ?? rule,
                        severity: message["severity"] == 2 ? .error : .warning)
                }
            }.prefix(Self.maxFindings))
    }

    private func relative(_ path: some StringProtocol) -> String {
        if path.hasPrefix(project + "/") { return String(path.dropFirst(project.count + 1)) }
        return path.hasPrefix("./") ? String(path.dropFirst(2)) : String(path)
    }
}
