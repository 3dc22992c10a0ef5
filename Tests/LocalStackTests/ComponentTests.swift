import Foundation
import Glibc
import LocalStack
import Synchronization
import Testing

@Suite("Components of a stack", .serialized)
struct ComponentTests {
    @Test("what dies is started again and is ready again")
    func restart() async throws {
        try await withTemporaryDirectory { directory in
            try await withStack(bareConfiguration(directory + "/data")) { stack in
                let mark = directory + "/up"
                let script = "rm -f \(mark); : > \(mark); exec sleep 600"
                try await stack.add(shell("worker", script, in: directory, readiness: fileExists(mark)))
                let first = try #require(await stack.process("worker"))
                #expect(try await stack.kill("worker"))
                #expect(!first.isAlive)
                try await stack.awaitReady("worker")
                let second = try #require(await stack.process("worker"))
                #expect(second != first)
                let entry = try #require(await stack.snapshot.processes.first)
                #expect(entry.restarts == 1)
                #expect(entry.lastExit == "signal 9 (Killed)")
                #expect(entry.identity == second)
            }
        }
    }

    @Test("a process that ends at once three times is reported with the last lines of its log")
    func failsToStart() async throws {
        try await withTemporaryDirectory { directory in
            try await withStack(bareConfiguration(directory + "/data")) { stack in
                do {
                    try await stack.add(
                        shell("broken", "echo the disk is on fire; exit 3", in: directory, readiness: fileExists("/no"))
                    )
                    Issue.record("it should not have become ready")
                } catch let error as StackError {
                    #expect(error.code == .notReady)
                    #expect(error.message.contains("exit status 3"))
                    #expect(error.logTail.last == "the disk is on fire")
                }
            }
        }
    }

    @Test("a process that isn't ready in time is reported with what is missing")
    func neverReady() async throws {
        try await withTemporaryDirectory { directory in
            try await withStack(bareConfiguration(directory + "/data")) { stack in
                let slow = shell(
                    "slow", "exec sleep 600", in: directory, readiness: fileExists("/no/such/file"),
                    readyWithin: .milliseconds(300))
                do {
                    try await stack.add(slow)
                    Issue.record("it should not have become ready")
                } catch let error as StackError {
                    #expect(error.code == .notReady)
                    #expect(error.message.hasSuffix("/no/such/file is missing"))
                }
            }
        }
    }

    @Test("a process that ignores SIGTERM is killed with its group after its time")
    func stubborn() async throws {
        try await withTemporaryDirectory { directory in
            try await withStack(bareConfiguration(directory + "/data")) { stack in
                let mark = directory + "/trapped"
                let script = "trap '' TERM; : > \(mark); while :; do sleep 600; done"
                try await stack.add(
                    shell(
                        "stubborn", script, in: directory, readiness: fileExists(mark), stopWithin: .milliseconds(300)))
                let process = try #require(await stack.process("stubborn"))
                try await stack.stop("stubborn")
                #expect(!process.isAlive)
                #expect(await stack.process("stubborn") == nil)
                try await stack.start("stubborn")
                #expect(await stack.process("stubborn")?.isAlive == true)
            }
        }
    }

    @Test("an orderly end is waited for")
    func orderly() async throws {
        try await withTemporaryDirectory { directory in
            let note = directory + "/note"
            try await withStack(bareConfiguration(directory + "/data")) { stack in
                let mark = directory + "/up"
                let script = "trap 'echo drained > \(note); exit 0' TERM; : > \(mark); while :; do sleep 0.05; done"
                try await stack.add(shell("polite", script, in: directory, readiness: fileExists(mark)))
                await stack.stop()
            }
            #expect(try String(contentsOfFile: note, encoding: .utf8) == "drained\n")
        }
    }

    @Test("an HTTP server is ready when it answers with success")
    func httpReadiness() async throws {
        try await withTemporaryDirectory { directory in
            let port = try #require(LoopbackPort.free())
            let command = DaemonCommand(
                executable: "/usr/bin/python3", arguments: ["-m", "http.server", "--bind", "127.0.0.1", "\(port)"],
                environment: ["PATH": "/usr/bin:/bin"], workingDirectory: directory, logFile: directory + "/web.log")
            try await withStack(bareConfiguration(directory + "/data")) { stack in
                try await stack.add(
                    ProcessSpecification(
                        name: "web", command: command,
                        readiness: .http(host: "127.0.0.1", port: port, path: "/"), readyWithin: .seconds(20),
                        port: port))
                #expect(await HTTPStatus.get(host: "127.0.0.1", port: port, path: "/") == 200)
                #expect(await HTTPStatus.get(host: "127.0.0.1", port: port, path: "/nothing") == 404)
            }
            #expect(await HTTPStatus.get(host: "127.0.0.1", port: port, path: "/") == nil)
        }
    }

    @Test("a component that isn't there is named as such")
    func unknown() async throws {
        try await withTemporaryDirectory { directory in
            try await withStack(bareConfiguration(directory + "/data")) { stack in
                await #expect(throws: StackError.self) { try await stack.kill("nobody") }
            }
        }
    }
}
