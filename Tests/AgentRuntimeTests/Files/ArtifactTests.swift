import AgentProtocol
import Glibc
import JSONTools
import Testing

@testable import AgentRuntime

@Suite("Artifacts")
struct ArtifactTests {
    @Test("A file and bytes are stored by hash and listed in the result; the same content is stored once")
    func stores() async throws {
        try await TemporaryDirectory.with { directory in
            let result = try await directory.trial(
                ClosureAction { context in
                    try FileSystem.write(Array("abc".utf8), to: context.scratch + "/report.txt")
                    try context.artifacts.add(
                        file: context.scratch + "/report.txt", name: "report.txt", type: "text/plain")
                    try context.artifacts.add(bytes: Array("abc".utf8), name: "b", type: "text/plain", label: "same")
                    return ActionOutcome()
                })
            // The example of FIPS 180-4 for SHA-256.
            let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            #expect(
                result.artifacts == [
                    ArtifactReference(name: "report.txt", type: "text/plain", sizeBytes: 3, sha256: sha256),
                    ArtifactReference(name: "b", type: "text/plain", sizeBytes: 3, sha256: sha256, label: "same"),
                ])
            #expect(directory.read("data/artifacts/ba/\(sha256)") == "abc")
            #expect(FileSystem.names(in: directory.path + "/data/artifacts") == ["ba"], "no temporary file is left")
        }
    }

    @Test("A link out of the attempt's directories, a directory and a missing file are refused")
    func refuses() async throws {
        try await TemporaryDirectory.with { directory in
            let result = try await directory.trial(
                ClosureAction { context in
                    symlink("/etc/passwd", context.scratch + "/report.html")
                    mkfifo(context.scratch + "/pipe", 0o600)
                    for path in [
                        context.scratch + "/report.html", "/etc/passwd", context.scratch, context.scratch + "/nothing",
                        context.scratch + "/pipe", context.scratch + "/../../../../../etc/passwd",
                    ] {
                        #expect(throws: ActionFailure.self, "\(path)") {
                            try context.artifacts.add(file: path, name: "x", type: "text/plain")
                        }
                    }
                    return ActionOutcome()
                })
            #expect(result.artifacts == [])
        }
    }
}
