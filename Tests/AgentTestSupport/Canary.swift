public import AgentProtocol
import Foundation
import Glibc
import JSONTools

/// What lies outside of a workspace: files that nobody may touch or take along, and a command that nobody may run.
///
/// An attack points there; afterwards ``harm(in:)`` says what it did.
public struct Canary: Sendable {
    /// Absolute path of the directory that holds all of it, beside the sandbox's other directories.
    public let directory: String
    /// A text that stands in ``file`` and must not be found anywhere else.
    public let word: String

    /// A file with the word in it.
    public var file: String { directory + "/secret.txt" }
    /// An executable that leaves a file behind when it runs, whatever its arguments are.
    public var command: String { directory + "/run" }
    /// A path in the directory where nothing is yet.
    public var absent: String { directory + "/planted" }

    private let sandbox: Sandbox
    private let before: [String: String]

    /// Makes the directory.
    public init(in sandbox: Sandbox) throws {
        self.sandbox = sandbox
        directory = sandbox.path + "/outside"
        word = "canary-\(UInt64.random(in: .min ... .max))"
        try sandbox.write("\(word)\n", to: directory + "/secret.txt")
        try sandbox.write(#"{"name": "\#(word)"}"#, to: directory + "/folder/secret.json")
        try sandbox.write("#!/bin/sh\ntouch '\(directory)/was-run'\nexit 0\n", to: directory + "/run")
        guard chmod(directory + "/run", 0o755) == 0 else { throw Sandbox.Failure(description: "chmod failed") }
        before = Self.picture(of: directory)
    }

    /// Paths that lead to `target` from any directory, or look as if they did.
    public func paths(to target: String? = nil) -> [String] {
        let target = target ?? absent
        let up = String(repeating: "../", count: 24)
        return [
            target, up + target.dropFirst(), "./x/../" + up + target.dropFirst(), "..", "../", "x/../../x", "/",
            String(repeating: "..\\", count: 24) + "x", "C:\\x", "\\\\host\\share", "..%2f..%2fx", "%2e%2e/x",
            "\u{2024}\u{2024}/x", "\u{FF0E}\u{FF0E}\u{2215}x", ".\u{301}./x", "a\u{0}b", "../x\u{0}.json", "x\ny",
            "x\r/../y",
            "~/x", "$HOME/x", "`\(command)`", "$(\(command))", "; \(command)", "| \(command)", "-x",
            "--output=\(target)",
            String(repeating: "a", count: 300), String(repeating: "a/", count: 3000) + "x",
            String(repeating: "../", count: 2000) + "x", ".git/hooks/post-commit", ".git/config", "x/../.git/config",
            ".",
        ]
    }

    /// What was done to the outside: files that came, went or changed; and the places where the word came out.
    ///
    /// - Parameter result: what an action reported, with its artifacts.
    public func harm(in result: TaskResult? = nil) -> [String] {
        let after = Self.picture(of: directory)
        var harm = Set(before.keys).union(after.keys).sorted().compactMap { path -> String? in
            switch (before[path], after[path]) {
            case (nil, _): "\(path) came"
            case (_, nil): "\(path) went"
            case (let old, let new): old == new ? nil : "\(path) changed"
            }
        }
        guard let result else { return harm }
        if holdsWord(result.encoded()) { harm.append("the result holds the word") }
        for artifact in result.artifacts {
            guard let bytes = sandbox.artifact(artifact.name, of: result) else {
                harm.append("the artifact \(artifact.name) can't be read")
                continue
            }
            if holdsWord(bytes) { harm.append("the artifact \(artifact.name) holds the word") }
        }
        return harm
    }

    /// Whether a commit of a repository has the word in one of its files.
    public func isIn(_ commit: String, of repository: String) async throws -> Bool {
        try await sandbox.run("git", ["-C", repository, "grep", "--quiet", "--text", word, commit]).succeeded
    }

    private func holdsWord(_ bytes: [UInt8]) -> Bool { bytes.firstRange(of: Array(word.utf8)) != nil }

    /// Each file below a directory with its kind, size, time of change and content.
    private static func picture(of directory: String) -> [String: String] {
        var picture: [String: String] = [:]
        let names = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        for name in names {
            var status = stat()
            guard lstat(directory + "/" + name, &status) == 0 else { continue }
            var facts = "\(status.st_mode) \(status.st_size) \(status.st_nlink)"
            if status.st_mode & S_IFMT == S_IFREG {
                let text = FileManager.default.contents(atPath: directory + "/" + name) ?? Data()
                facts += " \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(SHA256Digest.hex(of: Array(text)))"
            }
            picture[name] = facts
        }
        return picture
    }
}

extension Sandbox {
    /// Commits what no text can be: symbolic links, binary files, names that are no good.
    ///
    /// - Parameters:
    ///   - links: target by path in the project.
    ///   - files: text by path, beside them.
    ///   - branch: the branch that gets the commit.
    ///   - repository: path of the bare repository, made if it isn't there.
    /// - Returns: The commit.
    public func commit(
        links: [String: String], files: [String: String?] = [:], to branch: String, in repository: String
    ) async throws -> String {
        if !exists(repository) { try await git("init", "--quiet", "--bare", "--initial-branch=main", repository) }
        let clone = path + "/clone-\(UInt32.random(in: .min ... .max))"
        try await git("init", "--quiet", "--initial-branch=work", clone)
        for (file, text) in files { if let text { try write(text, to: clone + "/" + file) } }
        for (link, target) in links {
            let place = clone + "/" + link
            let parent = place.split(separator: "/").dropLast().joined(separator: "/")
            try FileManager.default.createDirectory(atPath: "/" + parent, withIntermediateDirectories: true)
            try? FileManager.default.removeItem(atPath: place)
            guard symlink(target, place) == 0 else { throw Failure(description: "symlink \(link) failed") }
        }
        try await git("-C", clone, "add", "--all", "--force")
        try await git("-C", clone, "commit", "--quiet", "-m", "planted")
        try await git("-C", clone, "push", "--quiet", "--force", repository, "work:refs/heads/\(branch)")
        let commit = try await git("-C", clone, "rev-parse", "HEAD")
        try FileManager.default.removeItem(atPath: clone)
        return commit
    }
}
