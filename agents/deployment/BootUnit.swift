import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// A systemd unit that starts the deployed apps again after a reboot, where there is a systemd.
///
/// The unit's file lies with the deployments; `systemctl enable` with its path links it to where systemd looks
/// (systemctl(1)). Without systemd, `baton up` runs the same task.
struct BootUnit: Sendable {
    let context: ActionContext
    /// `<data directory>/deployments`
    let parent: String

    var taskFile: String { parent + "/restore.json" }
    private var name: String {
        "baton-apps-\(SHA256Digest.hex(of: Array(context.dataDirectory.utf8)).prefix(8)).service"
    }

    /// Writes the task, and the unit if there is a systemd; what doesn't work is a warning, for the app runs.
    func install() async {
        do {
            let task: JSONValue = ["action": "restore"]
            try SmallFile.replace(taskFile, with: Array((task.description + "\n").utf8))
            guard let scope = await scope() else { return }
            let path = "\(parent)/\(name)"
            let text = Self.text(
                executable: try Self.ownExecutable(), task: taskFile, isSystem: scope.isEmpty,
                variables: [
                    ("BATON_DATA_DIR", context.dataDirectory), ("BATON_SHARE_DIR", context.shareDirectory),
                    ("PATH", getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"),
                ])
            let isNew = SmallFile.read(path, maxBytes: 64 << 10) != Array(text.utf8)
            if isNew { try SmallFile.replace(path, with: Array(text.utf8)) }
            let state = try await systemctl(scope + ["is-enabled", name])
            guard isNew || !state.succeeded else { return }
            let enabled = try await systemctl(scope + ["enable", path])
            guard enabled.succeeded else {
                context.logger.warning("The apps will not start again after a reboot: \(enabled.lastLines(2))")
                return
            }
            context.logger.info("the unit \(name) starts the apps again after a reboot")
        } catch {
            context.logger.warning("The apps will not start again after a reboot: \(error)")
        }
    }

    /// Options that choose the manager: the system's for root, the user's own for anybody else; nil without a systemd.
    private func scope() async -> [String]? {
        guard context.tools.find("systemctl") != nil else { return nil }
        let scope = getuid() == 0 ? [] : ["--user"]
        // It exits with 1 for anything but `running`, of which `degraded` and `starting` are as good.
        guard let word = try? await systemctl(scope + ["is-system-running"]).text.filter({ !$0.isWhitespace }),
            ["running", "degraded", "starting", "initializing"].contains(word)
        else { return nil }
        return scope
    }

    private func systemctl(_ arguments: [String]) async throws -> ToolOutput {
        // The user's manager is found by these; tools don't get them otherwise.
        var variables: [String: String] = [:]
        for name in ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "HOME"] {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        return try await context.tools.run(
            ToolCommand(
                "systemctl", arguments, in: parent, environment: variables, timeoutSeconds: 20, logsOutput: false))
    }

    /// The unit's text; see systemd.service(5), and systemd.syntax(7) for the quotes.
    static func text(
        executable: String, task: String, isSystem: Bool, variables: [(name: String, value: String)]
    ) -> String {
        let environment = variables.map { "Environment=" + quoted("\($0.name)=\($0.value)") }.joined(separator: "\n")
        return """
            [Unit]
            Description=Apps that Baton deployed on this machine
            After=network.target

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            # The apps are to stay when the unit is done.
            KillMode=process
            \(environment)
            ExecStart=\(quoted(executable, isCommand: true)) --task \(quoted(task, isCommand: true))

            [Install]
            WantedBy=\(isSystem ? "multi-user.target" : "default.target")

            """
    }

    private static func quoted(_ text: String, isCommand: Bool = false) -> String {
        var result = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"", "\\": result += "\\" + String(character)
            case "%": result += "%%"
            case "$" where isCommand: result += "$$"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result + "\""
    }

    private static func ownExecutable() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { throw FileError("read", "/proc/self/exe") }
        return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
