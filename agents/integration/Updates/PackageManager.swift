import AgentRuntime
import JSONTools
import ProjectTools

/// What finds newer versions of a project's dependencies, and writes them into its files.
protocol PackageManager: Sendable {
    /// The files that an update may change, relative to the project.
    var files: [String] { get }

    /// The newer versions that a source names.
    ///
    /// - Parameter level: larger steps are not looked for.
    func outdated(_ level: PackageVersion.Level) async throws -> OutdatedDependencies

    /// Writes an update into the project's files, and installs it where the project's own command doesn't.
    ///
    /// - Returns: why it can't be done; nil when it is.
    func apply(_ update: DependencyUpdate) async throws -> String?
}

/// npm, by `npm outdated` and `npm install`.
struct NodeUpdates: PackageManager {
    let context: ActionContext
    let runner: ProjectRunner
    let hasLock: Bool

    var files: [String] { hasLock ? ["package.json", "package-lock.json"] : ["package.json"] }

    func outdated(_ level: PackageVersion.Level) async throws -> OutdatedDependencies {
        guard let npm = await context.tools.npm else { return OutdatedDependencies(skipped: "npm is not installed") }
        var command = try runner.tool([npm, "outdated", "--json", "--fetch-retries=0", "--fetch-timeout=20000"])
        command.timeoutSeconds = 120
        command.logsOutput = false
        let output = try await context.tools.run(command)
        let json = try? JSONValue(parsing: output.standardOutput, limits: JSONLimits(maxBytes: 8 << 20))
        // Exit code 1 says that there are some.
        guard output.exitCode <= 1, let json, json["error"] == nil else {
            let reason = json?["error"]?["summary"]?.stringValue ?? output.lastLines(2)
            return OutdatedDependencies(skipped: "npm's registry can't be reached: \(reason)")
        }
        return OutdatedDependencies(updates: Self.updates(json, level))
    }

    /// The updates that `npm outdated --json` names: the newest version that the level allows.
    static func updates(_ json: JSONValue, _ level: PackageVersion.Level) -> [DependencyUpdate] {
        (json.objectValue ?? [:]).compactMap { name, value in
            // Of a package that is there several times, npm lists each place.
            let facts = value.arrayValue?.first ?? value
            guard let from = facts["current"]?.stringValue.flatMap(PackageVersion.init) else { return nil }
            let offered = ["latest", "wanted"].compactMap { facts[$0]?.stringValue.flatMap(PackageVersion.init) }
                .filter { $0 > from }
            guard let to = offered.first(where: { from.level(to: $0) <= level }) ?? offered.first else { return nil }
            return DependencyUpdate(source: "npm", name: name, from: from, to: to)
        }
    }

    func apply(_ update: DependencyUpdate) async throws -> String? {
        guard let npm = await context.tools.npm else { return "npm is not installed" }
        var arguments = [npm, "install", "\(update.name)@\(update.to)", "--no-audit", "--fetch-retries=1"]
        if !hasLock { arguments.append("--no-package-lock") }
        let output = try await context.tools.run(try runner.tool(arguments))
        return output.succeeded ? nil : "npm could not install it: \(output.lastLines(3))"
    }
}

/// pip, for versions that are pinned in lists of requirements or in `pyproject.toml`.
struct PythonUpdates: PackageManager {
    static let maxBytes = 1 << 20

    let context: ActionContext
    let runner: ProjectRunner
    /// Lists of requirements, and `pyproject.toml`.
    let files: [String]

    /// The files among those of a repository that may pin versions.
    static func files(among paths: [String]) -> [String] {
        paths.filter { path in
            guard !path.contains("/") else { return false }
            return path == "pyproject.toml"
                || (path.hasPrefix("requirements") && (path.hasSuffix(".txt") || path.hasSuffix(".in")))
        }
    }

    func outdated(_ level: PackageVersion.Level) async throws -> OutdatedDependencies {
        guard let python else { return OutdatedDependencies(skipped: "Python is not installed") }
        let texts = try files.map { try text($0) }
        var pins: [PythonPins.Pin] = []
        for pin in texts.flatMap(PythonPins.pins) where !pins.contains(where: { $0.name == pin.name }) {
            pins.append(pin)
        }
        guard !pins.isEmpty else { return OutdatedDependencies() }
        let options = Set(texts.flatMap(PythonPins.sources)).sorted()
        var newest: [String: PackageVersion] = [:]
        var problem: String?
        // All at once; one that can't be found mustn't hide the others.
        var groups = [pins]
        if let reason = try await ask(python, pins, level, options, &newest), pins.count > 1 {
            problem = reason
            groups = pins.map { [$0] }
        } else if newest.isEmpty {
            return OutdatedDependencies(skipped: "the package index can't be reached, or knows none of \(pins.count)")
        } else {
            groups = []
        }
        for group in groups { problem = try await ask(python, group, level, options, &newest) ?? problem }
        guard !newest.isEmpty else {
            return OutdatedDependencies(skipped: "the package index can't be reached: \(problem ?? "no answer")")
        }
        return OutdatedDependencies(
            updates: pins.compactMap { pin in
                guard let to = newest[pin.name], to > pin.version else { return nil }
                return DependencyUpdate(source: "pip", name: pin.name, from: pin.version, to: to)
            })
    }

    func apply(_ update: DependencyUpdate) async throws -> String? {
        for file in files {
            let before = try text(file)
            let after = PythonPins.replacing(update.name, with: update.to.description, in: before)
            if after != before {
                let path = try Workspace(root: context.workspace).resolve(file)
                try SmallFile.replace(path, with: Array(after.utf8))
            }
        }
        return nil
    }

    private var python: String? {
        let own = context.workspace + "/.venv/bin/python"
        return SmallFile.isThere(own) ? own : context.tools.python
    }

    private func text(_ file: String) throws -> String {
        let path = try Workspace(root: context.workspace).resolve(file)
        return String(decoding: SmallFile.read(path, maxBytes: Self.maxBytes) ?? [], as: UTF8.self)
    }

    /// - Returns: why pip can't say; nil when it has said.
    private func ask(
        _ python: String, _ pins: [PythonPins.Pin], _ level: PackageVersion.Level, _ options: [String],
        _ newest: inout [String: PackageVersion]
    ) async throws -> String? {
        let list = context.scratch + "/wanted.txt"
        let report = context.scratch + "/wanted.json"
        let lines = pins.map { pin in
            pin.name + ">=\(pin.version)" + (pin.version.bound(level).map { ",<\($0)" } ?? "")
        }
        try SmallFile.replace(list, with: Array((options + lines).joined(separator: "\n").utf8))
        var command = try runner.tool([
            python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--no-input",
            "--retries", "1", "--timeout", "20", "--disable-pip-version-check", "--report", report, "-r", list,
        ])
        command.timeoutSeconds = 180
        command.logsOutput = false
        let output = try await context.tools.run(command)
        guard output.succeeded, let bytes = SmallFile.read(report, maxBytes: 64 << 20),
            let json = try? JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: 64 << 20))
        else { return output.lastLines(2) }
        for item in json["install"]?.arrayValue ?? [] {
            guard let name = item["metadata"]?["name"]?.stringValue,
                let version = item["metadata"]?["version"]?.stringValue.flatMap(PackageVersion.init)
            else { continue }
            newest[PythonPins.normal(name)] = version
        }
        return nil
    }
}

/// SwiftPM, for the versions that `Package.swift` names.
struct SwiftUpdates: PackageManager {
    let context: ActionContext
    let runner: ProjectRunner
    let hasLock: Bool

    var files: [String] { hasLock ? ["Package.swift", "Package.resolved"] : ["Package.swift"] }

    func outdated(_ level: PackageVersion.Level) async throws -> OutdatedDependencies {
        var found = OutdatedDependencies()
        let requirements = SwiftRequirements.all(in: try package())
        for requirement in requirements.prefix(50) {
            let output = try await context.tools.run(
                ToolCommand(
                    "git", ["ls-remote", "--tags", "--refs", "--", requirement.url], in: context.scratch,
                    environment: [
                        "GIT_ALLOW_PROTOCOL": "file:https:http:ssh", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
                        "GIT_TERMINAL_PROMPT": "0",
                    ], timeoutSeconds: 60, logsOutput: false))
            guard output.succeeded else {
                found.skipped = "\(GitName.redacted(requirement.url)) can't be reached"
                continue
            }
            let tags = output.text.split(whereSeparator: \.isNewline).compactMap { line in
                line.firstRange(of: "refs/tags/").flatMap { PackageVersion(String(line[$0.upperBound...])) }
            }.filter { $0 > requirement.version }
            let best = tags.filter { requirement.version.level(to: $0) <= level }.max() ?? tags.max()
            guard let best else { continue }
            found.updates.append(
                DependencyUpdate(source: "swift", name: requirement.identity, from: requirement.version, to: best))
        }
        return found
    }

    func apply(_ update: DependencyUpdate) async throws -> String? {
        let path = try Workspace(root: context.workspace).resolve("Package.swift")
        let text = SwiftRequirements.replacing(update.name, with: update.to.description, in: try package())
        try SmallFile.replace(path, with: Array(text.utf8))
        let output = try await context.tools.run(try runner.tool(["swift", "package", "update", update.name]))
        return output.succeeded ? nil : "swift package update failed: \(output.lastLines(3))"
    }

    private func package() throws -> String {
        let path = try Workspace(root: context.workspace).resolve("Package.swift")
        return String(decoding: SmallFile.read(path, maxBytes: 1 << 20) ?? [], as: UTF8.self)
    }
}
