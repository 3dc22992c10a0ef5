import AgentRuntime
import ProjectTools

/// `secrets`: looks for secrets in the text files that the repository tracks.
struct SecretCheck {
    /// A larger file is left out, in bytes.
    static let maxFileBytes = 1 << 20
    /// No more is read, in bytes.
    static let maxTotalBytes = 64 << 20
    static let maxFindings = 200

    let context: ActionContext
    let files: TrackedFiles

    func run() throws -> CheckRecord {
        var record = CheckRecord(name: "secrets", status: .passed, isRequired: true, decidingMetric: .secretsFound)
        let workspace = try Workspace(root: context.workspace)
        let allowText = SmallFile.read(try workspace.resolve(SecretAllowList.path), maxBytes: Self.maxFileBytes) ?? []
        let allowed = SecretAllowList(String(decoding: allowText, as: UTF8.self))
        for line in allowed.faults {
            record.findings.append(
                Finding(
                    file: SecretAllowList.path, line: line, message: "sha256: needs at least 12 hexadecimal digits",
                    rule: "secrets-allow", severity: .warning))
        }
        let scanner = SecretScanner()
        var scanned = 0
        var leftOut = 0
        var bytesRead = 0
        for path in files.paths where !allowed.allows(path: path) {
            try Task.checkCancellation()
            guard bytesRead < Self.maxTotalBytes,
                let bytes = SmallFile.read(try workspace.resolve(path), maxBytes: Self.maxFileBytes)
            else {
                leftOut += 1
                continue
            }
            // Git's own rule for what is binary.
            guard !bytes.prefix(8000).contains(0) else { continue }
            scanned += 1
            bytesRead += bytes.count
            record.findings += Self.scan(bytes, path: path, scanner, allowed)
            if record.findings.count > Self.maxFindings { break }
        }
        let secrets = record.findings.count { $0.severity == .error }
        record.metrics[.secretsFound] = Double(secrets)
        record.status = secrets > 0 ? .failed : .passed
        record.fact =
            secrets == 0 ? "\(scanned) files without secrets" : "\(secrets) \(secrets == 1 ? "secret" : "secrets")"
        if leftOut > 0 { record.fact += ", \(leftOut) files too large to look at" }
        if files.isCut { record.fact += ", only the first \(files.paths.count) files" }
        return record
    }

    /// The findings in one file.
    static func scan(_ bytes: [UInt8], path: String, _ scanner: SecretScanner, _ allowed: SecretAllowList) -> [Finding]
    {
        var findings: [Finding] = []
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            for candidate in scanner.scan(line) where !allowed.allows(text: candidate.text) {
                let entry = SecretAllowList.entry(for: candidate.text)
                let what = candidate.isCertain ? "looks like a secret" : "is as random as a secret"
                findings.append(
                    Finding(
                        file: path, line: index + 1,
                        message:
                            "\(Self.redacted(candidate.text)) \(what) (\(candidate.rule)): remove and revoke it, or put "
                            + "\(entry) into \(SecretAllowList.path)",
                        rule: "secret/\(candidate.rule)", severity: candidate.isCertain ? .error : .warning))
            }
        }
        return findings
    }

    /// The first characters and the length: enough to find it, too little to use it.
    static func redacted(_ text: String) -> String {
        let shown = min(4, text.count / 4)
        return "\(text.prefix(shown))… (\(text.count) characters)"
    }
}
