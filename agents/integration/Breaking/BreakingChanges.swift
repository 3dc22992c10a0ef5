import AgentRuntime
import JSONTools
import ProjectTools

/// Holds what a project offers before the work against what it offers after it: OpenAPI documents, and the names that
/// packages of Node, Python and Swift export.
struct BreakingChanges {
    /// What a finding means for the stage.
    enum Level: String, Sendable, Hashable, CaseIterable {
        /// Nobody looks.
        case ignore
        /// It is told.
        case warn
        /// Nothing is published.
        case block
    }

    /// One version of the project.
    private struct Version {
        var directory: String
        var files: [String]

        func text(_ path: String) -> String? {
            guard files.contains(path), let bytes = SmallFile.read(directory + "/" + path, maxBytes: 4 << 20) else {
                return nil
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    static let maxDocuments = 20
    static let maxSources = 2000

    let git: GitClient
    let context: ActionContext

    /// What the work breaks, of API documents first.
    ///
    /// - Parameters:
    ///   - former: the target branch's head before the work.
    ///   - merged: the merged commit.
    func find(from former: String, to merged: String) async throws -> (changes: [BreakingChange], notes: [String]) {
        let before = try await version(former, named: "former")
        let after = try await version(merged, named: "merged")
        var notes: [String] = []
        var changes = documents(before, after, &notes)
        if let old = NodeExports(read: before.text).symbols() {
            let now = NodeExports(read: after.text).symbols() ?? ExportedSymbols()
            changes += ExportedSymbols.changes(from: old, to: now)
        }
        changes += try await python(before, after, &notes)
        if SwiftExports.hasLibrary(before.text("Package.swift") ?? "") {
            changes += ExportedSymbols.changes(from: swift(before), to: swift(after))
        }
        for version in [before, after] {
            try await git.line(["worktree", "remove", "--force", version.directory])
        }
        return (Array(changes.prefix(BreakingChange.limit)), notes)
    }

    /// The files of a commit, in a directory of their own.
    private func version(_ commit: String, named name: String) async throws -> Version {
        let directory = context.scratch + "/" + name
        try await git.line(["worktree", "add", "--quiet", "--detach", "--force", directory, commit])
        let listing = try await git.run(["-C", directory, "ls-files", "--stage", "-z"])
        guard listing.succeeded else { throw GitClient.failure(["ls-files"], listing) }
        return Version(directory: directory, files: TrackedFiles(listing: listing.standardOutput).paths)
    }

    private func documents(_ before: Version, _ after: Version, _ notes: inout [String]) -> [BreakingChange] {
        var changes: [BreakingChange] = []
        let names = before.files.filter(APIDescription.isName).prefix(Self.maxDocuments)
        let others = after.files.filter { APIDescription.isName($0) && !names.contains($0) }
        for name in names {
            guard let text = before.text(name), let old = try? APIDescription(parsing: text) else { continue }
            // One that was moved is the only one that is new.
            let place = after.files.contains(name) ? name : others.count == 1 ? others[0] : nil
            guard let place, let now = after.text(place) else {
                changes.append(
                    BreakingChange(
                        kind: .descriptionRemoved, file: name, line: 1, isFormer: true,
                        message: "the API description was removed"))
                continue
            }
            do {
                let new = try APIDescription(parsing: now)
                changes += APIComparison.changes(from: old, to: new, in: place)
            } catch {
                notes.append("\(place) can't be read any more: \(error)")
            }
        }
        return changes
    }

    private func python(
        _ before: Version, _ after: Version, _ notes: inout [String]
    ) async throws -> [BreakingChange] {
        let modules = PythonExports.modules(among: before.files)
        guard !modules.isEmpty else { return [] }
        guard let python = context.tools.python else {
            notes.append("the names of the Python package were not compared: Python is not installed")
            return []
        }
        var versions: [ExportedSymbols] = []
        for version in [before, after] {
            let list = JSONValue.array(
                PythonExports.modules(among: version.files).map { [.string($0.path), .string($0.module)] })
            let output = try await context.tools.run(
                ToolCommand(
                    python, ["-I", "-c", PythonExports.script, version.directory], timeoutSeconds: 60,
                    logsOutput: false,
                    standardInput: list.encoded()))
            guard output.succeeded,
                let json = try? JSONValue(parsing: output.standardOutput, limits: JSONLimits(maxBytes: 8 << 20))
            else {
                notes.append("the names of the Python package were not compared: \(output.lastLines(2))")
                return []
            }
            versions.append(PythonExports.symbols(json))
        }
        return ExportedSymbols.changes(from: versions[0], to: versions[1])
    }

    private func swift(_ version: Version) -> ExportedSymbols {
        let sources = version.files.filter { $0.hasPrefix("Sources/") && $0.hasSuffix(".swift") }
        var found = ExportedSymbols()
        for path in sources.prefix(Self.maxSources) {
            if let text = version.text(path) { found.symbols += SwiftExports.symbols(in: text, file: path) }
        }
        return found
    }
}
