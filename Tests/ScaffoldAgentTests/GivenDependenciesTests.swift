import AgentProtocol
import AgentTestSupport
import JSONTools
import Testing

@testable import ScaffoldAgent

@Suite("dependency_installation of given repositories")
struct GivenDependenciesTests {
    @Test("without a manifest nothing is changed: what the files name is installed, otherwise the reason is told")
    func nothingChanged() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            func install(_ files: [String: String?]) async throws -> (TaskResult, commit: String) {
                let commit = try await sandbox.commit(files, to: "work", in: trial.repository)
                return (try await trial.run("dependency_installation", type: "feature", commit: commit), commit)
            }
            let (plain, first) = try await install(["package.json": #"{"name": "given"}"#, "lib.js": ""])
            #expect(plain.status == .success, "\(plain.errors)")
            #expect(plain.output["skipped"] == "a node project that names no dependencies")
            #expect(plain.commit == first)

            let (words, _) = try await install(["package.json": nil, "lib.js": nil, "words.txt": "x\n"])
            #expect(words.status == .success, "\(words.errors)")
            #expect(words.warnings.first?.hasPrefix("skipped: no baton.json") == true)
        }
    }

    @Test("node: a dependency is installed by npm, and neither lock file nor node_modules gets into the commit")
    func node() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            let commit = try await sandbox.commit(
                [
                    "package.json": #"{"name": "given", "dependencies": {"inner": "file:./inner"}}"#,
                    "inner/package.json": #"{"name": "inner", "version": "1.0.0"}"#,
                ], to: "work", in: trial.repository)
            let result = try await trial.run("dependency_installation", type: "bugfix", commit: commit)
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["summary"] == "installed as a node project; nothing in it was changed")
            #expect(result.commit == commit)
        }
    }
}
