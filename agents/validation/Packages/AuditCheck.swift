import AgentRuntime
import JSONTools
import ProjectTools

/// `audit`: known vulnerabilities of what a project depends on: by npm's own list, and by OSV for Python and Swift.
///
/// Lists that can't be reached are skipped, with the reason.
struct AuditCheck {
    static let maxFindings = 200
    /// Vulnerabilities that are asked about one by one, for their title and severity.
    static let maxDetails = 30
    static let maxAnswerBytes = 8 << 20

    let context: ActionContext
    let runner: ProjectRunner
    /// Address of an OSV server, such as `https://api.osv.dev`.
    let osv: String

    /// What one list says.
    enum Part: Sendable, Hashable {
        /// Of so many packages.
        case looked(packages: Int, findings: [Finding])
        case skipped(reason: String, help: String?)
    }

    /// - Parameter packages: what is installed, of Python and Swift.
    /// - Returns: nil of a project without packages that anybody keeps a list of.
    func run(_ packages: [InstalledPackage]) async throws -> CheckRecord? {
        var parts: [Part] = []
        if let part = try await npm() { parts.append(part) }
        if !packages.isEmpty { parts.append(try await ask(packages)) }
        return Self.record(parts)
    }

    static func record(_ parts: [Part]) -> CheckRecord? {
        guard !parts.isEmpty else { return nil }
        var record = CheckRecord(name: "audit", status: .passed, isRequired: false, decidingMetric: .vulnerabilities)
        var packages: Int?
        var reasons: [(String, String?)] = []
        for part in parts {
            switch part {
            case .looked(let count, let findings):
                packages = (packages ?? 0) + count
                record.findings += findings
            case .skipped(let reason, let help):
                reasons.append((reason, help))
            }
        }
        guard let packages else {
            record.status = .skipped(reason: reasons.map(\.0).joined(separator: "; "), help: reasons.first?.1)
            return record
        }
        let errors = record.findings.count { $0.severity == .error }
        record.metrics[.vulnerabilities] = Double(errors)
        record.fact =
            packages == 0
            ? "no dependencies"
            : record.findings.isEmpty
                ? "none known" : "\(record.findings.count) known, \(errors) of them high or critical"
        if errors > 0 { record.status = .failed }
        for (reason, _) in reasons { record.fact += "; \(reason)" }
        return record
    }

    // MARK: npm

    private func npm() async throws -> Part? {
        guard let bytes = SmallFile.read(context.workspace + "/package-lock.json", maxBytes: 16 << 20),
            let lock = try? JSONValue(parsing: bytes, limits: JSONLimits(depth: 64, maxBytes: 16 << 20))
        else { return nil }
        let count = lock["packages"]?.objectValue?.keys.count { !$0.isEmpty } ?? 0
        guard count > 0 else { return .looked(packages: 0, findings: []) }
        guard let npm = await context.tools.npm else {
            return .skipped(reason: "npm is not installed", help: "install npm")
        }
        var command = try runner.tool([npm, "audit", "--json"])
        command.timeoutSeconds = 60
        command.logsOutput = false
        let output = try await context.tools.run(command)
        guard let json = try? JSONValue(parsing: output.standardOutput, limits: JSONLimits(maxBytes: 16 << 20)),
            let found = json["vulnerabilities"]?.objectValue
        else { return .skipped(reason: "npm's list of vulnerabilities can't be reached", help: nil) }
        let findings = found.prefix(Self.maxFindings).map { name, vulnerability in
            let severity = vulnerability["severity"]?.stringValue ?? "unknown"
            let title = vulnerability["via"]?.arrayValue?.compactMap { $0["title"]?.stringValue }.first
            return Finding(
                file: "package-lock.json", message: "\(name): \(title ?? "vulnerable") (\(severity))", rule: severity,
                severity: severity == "high" || severity == "critical" ? .error : .warning)
        }
        return .looked(packages: count, findings: findings)
    }

    // MARK: OSV

    /// <https://google.github.io/osv.dev/post-v1-querybatch/>
    private func ask(_ packages: [InstalledPackage]) async throws -> Part {
        let queries = packages.map { package -> JSONValue in
            [
                "package": ["name": .string(package.osvName), "ecosystem": .string(package.ecosystem)],
                "version": .string(package.version),
            ]
        }
        guard let answer = try await get("/v1/querybatch", body: ["queries": .array(queries)]),
            let results = answer["results"]?.arrayValue, results.count == packages.count
        else {
            return .skipped(
                reason: "OSV's list of vulnerabilities can't be reached (\(osv))",
                help: "let the agent reach it, or name a mirror by the input osv_url")
        }
        var findings: [Finding] = []
        var details: [String: JSONValue] = [:]
        for (package, result) in zip(packages, results) {
            for vulnerability in result["vulns"]?.arrayValue ?? [] where findings.count < Self.maxFindings {
                guard let id = vulnerability["id"]?.stringValue, Self.isIdentifier(id) else { continue }
                if details[id] == nil, details.count < Self.maxDetails {
                    details[id] = try await get("/v1/vulns/\(id)", body: nil)
                }
                findings.append(Self.finding(id, of: package, details[id]))
            }
        }
        return .looked(packages: packages.count, findings: findings)
    }

    static func isIdentifier(_ id: String) -> Bool {
        !id.isEmpty && id.utf8.count <= 100
            && id.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_.:".unicodeScalars.contains($0))
            }
    }

    /// One whose severity nobody says counts as severe.
    static func finding(_ id: String, of package: InstalledPackage, _ detail: JSONValue?) -> Finding {
        let severity = detail?["database_specific"]?["severity"]?.stringValue?.lowercased() ?? "unknown"
        let title = detail?["summary"]?.stringValue ?? "vulnerable"
        let isMild = ["low", "moderate", "medium"].contains(severity)
        return Finding(
            file: package.file, line: package.line,
            message: "\(package.name) \(package.version): \(title) (\(id), \(severity))", rule: id,
            severity: isMild ? .warning : .error)
    }

    /// - Returns: nil without an answer of 200 in JSON.
    private func get(_ path: String, body: JSONValue?) async throws -> JSONValue? {
        var arguments = [
            "--silent", "--show-error", "--fail", "--globoff", "--proto", "=http,https", "--noproxy",
            "localhost,127.0.0.1,[::1]", "--connect-timeout", "5", "--max-time", "30", "--max-filesize",
            "\(Self.maxAnswerBytes)",
        ]
        if body != nil { arguments += ["--header", "Content-Type: application/json", "--data-binary", "@-"] }
        do {
            let output = try await context.tools.run(
                ToolCommand(
                    "curl", arguments + ["--url", osv + path], timeoutSeconds: 40, maxOutputBytes: Self.maxAnswerBytes,
                    logsOutput: false, standardInput: body?.encoded()))
            guard output.succeeded else { return nil }
            return try? JSONValue(parsing: output.standardOutput, limits: JSONLimits(maxBytes: Self.maxAnswerBytes))
        } catch let failure as ActionFailure where failure.code.hasPrefix("TOOL_") {
            return nil
        }
    }
}
