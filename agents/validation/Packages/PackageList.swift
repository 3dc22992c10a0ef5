import AgentRuntime
import JSONTools
import ProjectTools

/// A package that comes with the app when it is installed: its name, version, licence, and where the project names it.
struct InstalledPackage: Sendable, Hashable {
    /// As the project's own tools call it.
    var name: String
    var version: String
    /// An SPDX expression, or the nearest to it that is known; nil when nothing is.
    var licence: String?
    /// Where it is named, relative to the project.
    var file: String
    /// From 1; nil when only another package names it.
    var line: Int?
    /// What OSV, the database of vulnerabilities, calls it.
    var ecosystem: String
    var osvName: String
}

/// The packages that a Python or Swift project has installed.
struct PackageList {
    static let maxPackages = 500

    let context: ActionContext
    let runner: ProjectRunner
    let files: TrackedFiles

    /// - Returns: packages of Python and of Swift; none of other projects.
    func all() async throws -> [InstalledPackage] { try await python() + swift() }

    // MARK: Python

    /// Prints `[name, version, License-Expression, License, [classifier]]` of the packages that are named and of what
    /// those need; metadata only, nothing of them is run.
    private static let script = """
        import json, re, sys
        from importlib import metadata
        normal = lambda name: re.sub(r"[-_.]+", "-", name).lower()
        there = {normal(d.metadata["Name"]): d for d in metadata.distributions() if d.metadata["Name"]}
        queue, seen, found = [normal(name) for name in json.load(sys.stdin)], set(), []
        while queue:
            name = queue.pop(0)
            if name in seen or name not in there:
                continue
            seen.add(name)
            d = there[name]
            m = d.metadata
            found.append([name, d.version, m.get("License-Expression"), m.get("License"), m.get_all("Classifier") or []])
            for need in d.requires or []:
                if "extra ==" not in need:
                    queue.append(normal(re.match(r"[A-Za-z0-9._-]+", need).group()))
        json.dump(found, sys.stdout)
        """

    private func python() async throws -> [InstalledPackage] {
        let lists = ["requirements.txt", "requirements.in", "pyproject.toml"].filter(files.paths.contains)
        let own = ["/.venv/bin/python", "/venv/bin/python"].map { context.workspace + $0 }
        guard !lists.isEmpty, let interpreter = own.first(where: { SmallFile.isThere($0) }) else { return [] }
        var places: [(name: String, file: String, line: Int)] = []
        let workspace = try Workspace(root: context.workspace)
        for list in lists {
            let bytes = SmallFile.read(try workspace.resolve(list), maxBytes: 1 << 20) ?? []
            let text = String(decoding: bytes, as: UTF8.self)
            places += Self.names(in: text, isTOML: list.hasSuffix(".toml")).map { ($0.name, list, $0.line) }
        }
        guard !places.isEmpty else { return [] }
        let names = JSONValue.array(places.prefix(Self.maxPackages).map { .string($0.name) })
        let output = try await context.tools.run(
            ToolCommand(
                interpreter, ["-I", "-c", Self.script], in: context.workspace, timeoutSeconds: 60,
                maxOutputBytes: 4 << 20, logsOutput: false, standardInput: names.encoded()))
        guard output.succeeded,
            let json = try? JSONValue(parsing: output.standardOutput, limits: JSONLimits(maxBytes: 4 << 20))
        else {
            context.logger.warning("the installed packages of Python can't be read: \(output.lastLines(2))")
            return []
        }
        return (json.arrayValue ?? []).prefix(Self.maxPackages).compactMap { entry in
            guard let name = entry[0]?.stringValue, let version = entry[1]?.stringValue else { return nil }
            let place = places.first { $0.name == name }
            let licence = Self.licence(
                expression: entry[2]?.stringValue, text: entry[3]?.stringValue,
                classifiers: entry[4]?.arrayValue?.compactMap(\.stringValue) ?? [])
            return InstalledPackage(
                name: name, version: version, licence: licence, file: place?.file ?? lists[0], line: place?.line,
                ecosystem: "PyPI", osvName: name)
        }
    }

    /// The packages that a list of requirements names, or the `dependencies` of a `pyproject.toml`.
    static func names(in text: String, isTOML: Bool) -> [(name: String, line: Int)] {
        var found: [(String, Int)] = []
        var isWithin = !isTOML
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if !isTOML {
                if let name = line.prefixMatch(of: /\s*([A-Za-z0-9][A-Za-z0-9._\-]*)/) {
                    found.append((normal(String(name.1)), index + 1))
                }
                continue
            }
            var rest = line
            if let start = line.prefixMatch(of: /\s*dependencies\s*=\s*\[/) {
                isWithin = true
                rest = line[start.range.upperBound...]
            }
            guard isWithin else { continue }
            for match in rest.matches(of: /["']([A-Za-z0-9][A-Za-z0-9._\-]*)[^"']*["']/) {
                found.append((normal(String(match.1)), index + 1))
            }
            // The bracket of an extra is within a text.
            let isEnd = rest.replacing(/"[^"]*"|'[^']*'/, with: "").contains("]")
            if isEnd { isWithin = false }
        }
        return found
    }

    /// A name as PEP 503 compares it.
    static func normal(_ name: String) -> String {
        name.lowercased().split(whereSeparator: { "-_.".contains($0) }).joined(separator: "-")
    }

    /// A licence as the metadata of a package gives it: the expression, otherwise the classifiers, otherwise a short text.
    static func licence(expression: String?, text: String?, classifiers: [String]) -> String? {
        if let expression, !expression.isEmpty { return expression }
        let classified = classifiers.filter { $0.hasPrefix("License :: ") }.compactMap { classifier -> String? in
            let name = classifier.split(separator: " :: ").last.map(String.init) ?? ""
            // "OSI Approved" alone says nothing.
            return name == "OSI Approved" ? nil : short(name)
        }
        if !classified.isEmpty { return classified.joined(separator: " OR ") }
        guard let text, text.utf8.count <= 100, !text.isEmpty, text != "UNKNOWN" else { return nil }
        return short(text)
    }

    /// The name of a licence in words as SPDX has it, for those of the GPL's kind; others as they are.
    static func short(_ name: String) -> String {
        let lower = name.lowercased()
        func has(_ word: String) -> Bool { lower.firstRange(of: word) != nil }
        if has("lesser general public") || has("library general public") || has("lgpl") { return "LGPL" }
        if has("affero") || has("agpl") { return "AGPL" }
        if has("general public license") || lower.hasPrefix("gpl") || has("gnu gpl") { return "GPL" }
        if has("server side public") || has("sspl") { return "SSPL" }
        return name
    }

    // MARK: Swift

    private func swift() throws -> [InstalledPackage] {
        guard files.paths.contains("Package.swift") else { return [] }
        let workspace = try Workspace(root: context.workspace)
        guard let lock = SmallFile.read(try workspace.resolve("Package.resolved"), maxBytes: 4 << 20) else { return [] }
        let checkouts = (runner.swiftBuildDirectory ?? context.workspace + "/.build") + "/checkouts"
        let folders = SmallFile.names(in: checkouts)
        return Self.pins(in: lock).prefix(Self.maxPackages).map { pin in
            var package = pin
            if let folder = folders.first(where: { $0.lowercased() == pin.name }) {
                let directory = checkouts + "/" + folder
                let file = SmallFile.names(in: directory).first(where: LicenceCheck.isLicenceFile)
                let text = file.flatMap { SmallFile.read(directory + "/" + $0, maxBytes: 1 << 20) } ?? []
                package.licence = LicenceCheck.name(ofText: String(decoding: text.prefix(4000), as: UTF8.self))
            }
            return package
        }
    }

    /// The packages of a `Package.resolved` (version 2 and 3) that have a version.
    static func pins(in lock: [UInt8]) -> [InstalledPackage] {
        guard let json = try? JSONValue(parsing: lock, limits: JSONLimits(maxBytes: 4 << 20)) else { return [] }
        let lines = lock.split(separator: 0x0A, omittingEmptySubsequences: false)
        return (json["pins"]?.arrayValue ?? []).compactMap { pin in
            guard let identity = pin["identity"]?.stringValue, let location = pin["location"]?.stringValue,
                let version = pin["state"]?["version"]?.stringValue
            else { return nil }
            let key = Array("\"\(identity)\"".utf8)
            let line = lines.firstIndex { line in
                line.drop { $0 == 0x20 }.starts(with: "\"identity\"".utf8) && line.firstRange(of: key) != nil
            }
            return InstalledPackage(
                name: identity, version: version, licence: nil, file: "Package.resolved", line: line.map { $0 + 1 },
                ecosystem: "SwiftURL", osvName: osvName(location))
        }
    }

    /// A location as OSV writes it: `github.com/apple/swift-nio`.
    static func osvName(_ location: String) -> String {
        var name = location[...]
        if let scheme = name.firstRange(of: "://") { name = name[scheme.upperBound...] }
        if let at = name.firstIndex(of: "@") { name = name[name.index(after: at)...] }
        if name.hasSuffix(".git") { name = name.dropLast(4) }
        return String(name.replacing(":", with: "/"))
    }
}
