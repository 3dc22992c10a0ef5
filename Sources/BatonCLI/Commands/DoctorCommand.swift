import ArgumentParser
import Foundation
import JSONTools
import LocalStack

/// `baton doctor`.
struct DoctorCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check what Baton needs on this machine, and show which settings are in force.",
        discussion: "Exits with 69 if something that is needed is missing.")

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let checks = await DoctorChecks(options: options).all()
        let settings = DoctorSetting.all(options: options)
        if options.json {
            Output.line(
                JSONValue.object([
                    "checks": .array(checks.map(\.json)), "settings": .array(settings.map(\.json)),
                ]).prettyPrinted())
        } else {
            show(checks, settings)
        }
        return checks.contains { $0.verdict == .missing } ? .unavailable : .ok
    }

    private func show(_ checks: [DoctorCheck], _ settings: [DoctorSetting]) {
        let terminal = Terminal.current()
        let width = checks.map(\.name.count).max() ?? 0
        for check in checks {
            let (mark, colour): (String, Terminal.Colour) =
                switch check.verdict {
                case .good: ("✔", .green)
                case .warning: ("!", .yellow)
                case .missing: ("✘", .red)
                }
            Output.line("\(terminal.paint(mark, colour)) \(Formatting.pad(check.name, to: width))  \(check.found)")
            if let next = check.next { Output.line("  \(Formatting.pad("", to: width))  next: \(next)") }
        }
        Output.line()
        let rows = settings.map { [$0.name, $0.value, $0.origin] }
        for line in Formatting.table(["SETTING", "VALUE", "FROM"], rows) { Output.line(line) }
    }
}

/// One thing that was looked at.
struct DoctorCheck: Sendable {
    enum Verdict: String, Sendable {
        case good, warning, missing
    }

    var name: String
    var verdict: Verdict
    var found: String
    var next: String?

    var json: JSONValue {
        var object: JSONObject = [
            "name": .string(name), "verdict": .string(verdict.rawValue), "found": .string(found),
        ]
        object["next"] = next.map { .string($0) } ?? .null
        return .object(object)
    }
}

/// A setting and where it comes from.
struct DoctorSetting: Sendable {
    var name: String
    var value: String
    var origin: String

    var json: JSONValue { ["name": .string(name), "value": .string(value), "from": .string(origin)] }

    static let defaults: [(String, String)] = [
        ("BATON_URL", "of the running stack"), ("BATON_TOKEN", "admin-token in the data directory"),
        ("BATON_HOST", "127.0.0.1"), ("BATON_PORT", "3000, or a free one"), ("BATON_DATA_DIR", ".baton"),
        ("BATON_DATABASE_URL", "a private PostgreSQL"), ("BATON_REDIS_URL", "a private Redis"), ("BATON_NAMESPACE", ""),
        ("BATON_LOG_LEVEL", "info"), ("BATON_LOG_FORMAT", "text"), ("BATON_PYTHON", "venv in the data directory"),
        ("BATON_SHARE_DIR", ""), ("BATON_BIN_DIR", ""), ("BATON_AGENT_SLOTS", "4"), ("BATON_RETENTION_DAYS", "90"),
        ("BATON_MAX_WAITING", "1000"), ("BATON_RATE_LIMIT", "1000"),
    ]

    static func all(
        options: GlobalOptions,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> [DoctorSetting] {
        let fromFile = (environment[ConfigurationFile.markVariable] ?? "").split(separator: ",").map(String.init)
        return defaults.map { name, fallback in
            if name == "BATON_DATA_DIR", options.dataDir != nil {
                return DoctorSetting(name: name, value: options.dataDirectoryPath, origin: "--data-dir")
            }
            if name == "BATON_URL", let url = options.url {
                return DoctorSetting(name: name, value: url, origin: "--url")
            }
            guard let value = environment[name], !value.isEmpty else {
                return DoctorSetting(name: name, value: found(name) ?? fallback, origin: "default")
            }
            let origin = fromFile.contains(name) ? "baton.yaml" : "environment"
            return DoctorSetting(name: name, value: hidden(name, value), origin: origin)
        }
    }

    private static func found(_ name: String) -> String? {
        switch name {
        case "BATON_BIN_DIR": Programs.binDirectory()
        case "BATON_SHARE_DIR": Programs.shareDirectory(binDirectory: Programs.binDirectory()) ?? "not found"
        default: nil
        }
    }

    /// Secrets are never shown: tokens not at all, URLs without their password.
    private static func hidden(_ name: String, _ value: String) -> String {
        if name == "BATON_TOKEN" { return "(set)" }
        guard var parts = URLComponents(string: value), parts.password != nil else { return value }
        parts.password = "…"
        return parts.string?.removingPercentEncoding ?? "(set)"
    }
}
