import Foundation
import LocalStack

/// What `baton doctor` looks at.
struct DoctorChecks: Sendable {
    /// Repositories, artifacts, browsers and caches fill this soon, in bytes.
    private static let leastFree = 2 << 30

    let options: GlobalOptions

    func all() async -> [DoctorCheck] {
        var checks = [executables(), share(), dataDirectory(), diskSpace()]
        checks.append(await program("redis-server", package: "redis-server", isGiven: isSet("BATON_REDIS_URL")))
        checks.append(await postgres())
        checks.append(await program("git", package: "git", minimum: [2, 39]))
        checks.append(await program("curl", package: "curl"))
        checks.append(await chromium())
        checks.append(contentsOf: await pythonAndNode())
        checks.append(await stack())
        checks += await api()
        checks += await redisSettings()
        checks += await schema()
        return checks
    }

    func isSet(_ name: String) -> Bool {
        !(ProcessInfo.processInfo.environment[name] ?? "").isEmpty
    }

    private func executables() -> DoctorCheck {
        let bin = Programs.binDirectory()
        let names = ["baton-orchestrator"] + StackConfiguration.allAgents.map { "\($0)-agent" }
        let missing = names.filter { Programs.find("\(bin)/\($0)") == nil }
        return missing.isEmpty
            ? DoctorCheck(name: "executables", verdict: .good, found: bin)
            : DoctorCheck(
                name: "executables", verdict: .missing, found: "\(missing.joined(separator: ", ")) not in \(bin)",
                next: "`swift build`, or set BATON_BIN_DIR")
    }

    private func share() -> DoctorCheck {
        guard let path = Programs.shareDirectory(binDirectory: Programs.binDirectory()) else {
            return DoctorCheck(
                name: "shared files", verdict: .missing, found: "no share/definitions near the executables",
                next: "set BATON_SHARE_DIR to the share directory of a checkout")
        }
        return DoctorCheck(name: "shared files", verdict: .good, found: path)
    }

    private func dataDirectory() -> DoctorCheck {
        let path = options.dataDirectoryPath
        guard FileManager.default.fileExists(atPath: path) else {
            return DoctorCheck(name: "data directory", verdict: .good, found: "\(path) (made on first use)")
        }
        guard FileManager.default.isWritableFile(atPath: path) else {
            return DoctorCheck(
                name: "data directory", verdict: .missing, found: "\(path) can't be written by this user",
                next: "run as its owner, or set BATON_DATA_DIR")
        }
        let mode = (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int ?? 0
        return mode & 0o077 == 0
            ? DoctorCheck(name: "data directory", verdict: .good, found: path)
            : DoctorCheck(
                name: "data directory", verdict: .warning, found: "\(path) is open to other users",
                next: "chmod 700 \(Formatting.shellWord(path))")
    }

    private func diskSpace() -> DoctorCheck {
        var directory = options.dataDirectoryPath
        while !FileManager.default.fileExists(atPath: directory) && directory != "/" {
            directory = URL(fileURLWithPath: directory).deletingLastPathComponent().path
        }
        let values = try? FileManager.default.attributesOfFileSystem(forPath: directory)
        return Self.diskSpace(free: (values?[.systemFreeSize] as? NSNumber)?.intValue, in: directory)
    }

    /// What so much free space means; nil if it can't be told.
    static func diskSpace(free: Int?, in directory: String) -> DoctorCheck {
        guard let free else {
            return DoctorCheck(
                name: "disk space", verdict: .warning, found: "can't be told for \(directory)",
                next: "`df -h \(Formatting.shellWord(directory))`")
        }
        guard free < leastFree else {
            return DoctorCheck(name: "disk space", verdict: .good, found: "\(Formatting.bytes(free)) free")
        }
        return DoctorCheck(
            name: "disk space", verdict: .warning, found: "\(Formatting.bytes(free)) free in \(directory)",
            next: "2 GiB are advisable: make room, or set BATON_DATA_DIR to a larger disk")
    }

    /// A program that must be on the PATH, perhaps in a version.
    private func program(
        _ name: String,
        package: String,
        minimum: [Int] = [],
        isGiven: Bool = false
    ) async -> DoctorCheck {
        guard let path = Programs.find(name) else {
            if isGiven { return DoctorCheck(name: name, verdict: .good, found: "not needed: a server is given") }
            return DoctorCheck(
                name: name, verdict: .missing, found: "not on PATH", next: "sudo apt-get install \(package)")
        }
        let version = await Self.version(of: path)
        let numbers = version.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        if !minimum.isEmpty, numbers.lexicographicallyPrecedes(minimum) {
            let wanted = minimum.map(String.init).joined(separator: ".")
            return DoctorCheck(
                name: name, verdict: .missing, found: "\(version) at \(path)", next: "\(wanted) or newer is needed")
        }
        return DoctorCheck(name: name, verdict: .good, found: "\(version) at \(path)")
    }

    private func postgres() async -> DoctorCheck {
        if isSet("BATON_DATABASE_URL") {
            return DoctorCheck(name: "postgresql", verdict: .good, found: "not needed: a server is given")
        }
        guard let directory = Programs.postgresDirectory() else {
            return DoctorCheck(
                name: "postgresql", verdict: .missing, found: "no initdb and postgres",
                next: "sudo apt-get install postgresql")
        }
        return DoctorCheck(
            name: "postgresql", verdict: .good,
            found: "\(await Self.version(of: directory + "/postgres")) in \(directory)")
    }

    private func chromium() async -> DoctorCheck {
        let found = ["chromium", "chromium-browser", "google-chrome"].lazy.compactMap { Programs.find($0) }.first
        guard let found else {
            return DoctorCheck(
                name: "chromium", verdict: .missing, found: "no browser for the e2e agent",
                next: "sudo apt-get install chromium")
        }
        return DoctorCheck(name: "chromium", verdict: .good, found: found)
    }

    private func pythonAndNode() async -> [DoctorCheck] {
        let venv = PythonEnvironment(directory: options.dataDirectoryPath + "/venv")
        let hasNode = await PythonEnvironment.machineHasNode()
        var python = DoctorCheck(
            name: "python", verdict: .good,
            found: venv.isComplete(needsNode: !hasNode) ? venv.directory : "\(venv.directory) (made by the next `up`)")
        if Programs.find("python3") == nil {
            python = DoctorCheck(
                name: "python", verdict: .missing, found: "python3 not on PATH",
                next: "sudo apt-get install python3 python3-venv")
        }
        var node = DoctorCheck(name: "node", verdict: .good, found: "")
        if hasNode {
            node.found = Programs.find("node") ?? "node"
        } else if await PythonEnvironment.nodeVersion(venv.directory + "/bin/node") != nil {
            node.found = "\(venv.directory)/bin/node (none of version 20 or newer on PATH)"
        } else {
            node.found = "none of version 20 or newer on PATH; the next `up` installs one into \(venv.directory)"
        }
        return [python, node]
    }

    private func stack() async -> DoctorCheck {
        guard let record = StackRecord.load(from: options.dataDirectoryPath) else {
            return DoctorCheck(
                name: "stack", verdict: .good, found: "down", next: "`\(CommandName.current) up --detach` starts it")
        }
        if record.isSupervised {
            return DoctorCheck(
                name: "stack", verdict: record.state == .ready ? .good : .warning,
                found: "\(record.state.rawValue) at \(record.url ?? "?")",
                next: record.state == .ready ? nil : "`\(CommandName.current) status`")
        }
        if !record.survivors.isEmpty {
            let names = record.survivors.map(\.name).joined(separator: ", ")
            return DoctorCheck(
                name: "stack", verdict: .warning, found: "its supervisor is gone; still running: \(names)",
                next: "`\(CommandName.current) down`")
        }
        if record.state == .failed {
            return DoctorCheck(
                name: "stack", verdict: .warning, found: "down; the last start failed: \(record.message ?? "?")",
                next: "see \(record.dataDirectory)/logs/supervisor.log")
        }
        return DoctorCheck(
            name: "stack", verdict: .good, found: "down", next: "`\(CommandName.current) up --detach` starts it")
    }

    /// The version number in what `program --version` prints.
    private static func version(of path: String) async -> String {
        guard let outcome = try? await ShortCommand(path, ["--version"], timeout: .seconds(10)).run() else {
            return "?"
        }
        let words = outcome.output.split(whereSeparator: { $0 == " " || $0 == "\n" })
        let word = words.first { word in word.drop { $0 == "v" || $0 == "=" }.first?.isNumber == true }
        return String(word?.drop { !$0.isNumber } ?? "?")
    }
}
