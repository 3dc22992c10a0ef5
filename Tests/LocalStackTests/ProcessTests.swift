import Foundation
import Glibc
import Testing

@testable import LocalStack

@Suite("Processes")
struct ProcessTests {
    @Test("stat is read from the last parenthesis, for a command may be named anything")
    func statOfOddNames() throws {
        let fields = "S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 10 20"
        let stat = try #require(ProcessStat(parsing: Array("42 (evil) S 9 9 (x) \(fields)".utf8)))
        #expect(stat.group == 77)
        #expect(stat.startTime == 987_654)
        #expect(!stat.isZombie)
        #expect(ProcessStat(parsing: Array("42 (short) S 1".utf8)) == nil)
    }

    @Test("a pid with another start time is another process and gets no signal")
    func reusedPid() {
        let me = ProcessIdentity.current
        #expect(me.isAlive)
        let namesake = ProcessIdentity(pid: me.pid, startTime: me.startTime + 1)
        #expect(!namesake.isAlive)
        #expect(!namesake.send(SIGKILL))
        #expect(ProcessIdentity("\(me)") == me)
        #expect(ProcessIdentity("12") == nil)
        #expect(ProcessIdentity("-5:1") == nil)
    }

    @Test("a daemon has a session of its own, only its own environment, and writes to its log")
    func daemon() async throws {
        try await withTemporaryDirectory { directory in
            let log = directory + "/daemon.log"
            // No pipe: the shell itself would have its ends open for a moment.
            let script = """
                echo session=$(ps -o sid= -p $$) pid=$$; echo home=$HOME word=$WORD
                readlink /proc/$$/fd/* >\(directory)/open; exit 7
                """
            let process = try await DetachedProcess.spawn(
                shellCommand(script, log: log, environment: ["WORD": "seven"]))
            #expect(await process.waitForExit() == .exited(7))
            #expect(!process.identity.isAlive)
            let lines = LogTail.lines(of: log, count: 10)
            #expect(lines.contains("home= word=seven"))
            let pid = process.identity.pid
            #expect(lines.first?.replacingOccurrences(of: "= ", with: "=") == "session=\(pid) pid=\(pid)", "\(lines)")
            let open = try String(contentsOfFile: directory + "/open", encoding: .utf8).split(separator: "\n")
            #expect(open.count == 3, "only standard input, output and errors are open: \(open)")
        }
    }

    @Test("a program that doesn't exist is reported, not started")
    func missingProgram() async throws {
        try await withTemporaryDirectory { directory in
            let command = DaemonCommand(executable: "/no/such/program", environment: [:], logFile: directory + "/x.log")
            await #expect(throws: StackError.self) { try await DetachedProcess.spawn(command) }
        }
    }

    @Test("a short command is ended with its group when it takes too long")
    func shortCommandTimeout() async throws {
        try await withTemporaryDirectory { directory in
            let note = directory + "/pid"
            let command = ShortCommand(
                "/bin/sh", ["-c", "sleep 600 & echo $! > \(note); wait"], timeout: .milliseconds(500))
            do {
                _ = try await command.run()
                Issue.record("it should have timed out")
            } catch let error as StackError {
                #expect(error.code == .commandFailed)
            }
            let text = try String(contentsOfFile: note, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
            let child = try #require(Int32(text))
            try await eventually("the child of the command is dead") { ProcessStat(pid: child)?.isZombie ?? true }
        }
    }

    @Test("free ports are free and busy ports are not")
    func ports() throws {
        let port = try #require(LoopbackPort.free())
        #expect(LoopbackPort.isFree(port))
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        let bound = SocketProbe.withSocketAddress(.tcp("127.0.0.1", port: port)) { bind(descriptor, $0, $1) }
        try #require(bound == 0 && listen(descriptor, 1) == 0)
        #expect(!LoopbackPort.isFree(port))
        #expect(LoopbackPort.choose(preferred: [port]) != port)
    }
}

@Suite("Orphans", .serialized)
struct OrphanTests {
    @Test("what a dead owner left is killed with its group; what a living owner has is left alone")
    func ownerMark() async throws {
        try await withTemporaryDirectory { directory in
            let log = directory + "/orphan.log"
            let dead = try await deadProcess(log: log)
            let orphan = try await DetachedProcess.spawn(
                shellCommand("sleep 600 & wait", log: log, environment: ["BATON_OWNER": "\(dead)"]))
            let kept = try await DetachedProcess.spawn(
                shellCommand("sleep 600", log: log, environment: ["BATON_OWNER": "\(ProcessIdentity.current)"]))
            let unmarked = try await DetachedProcess.spawn(shellCommand("sleep 600", log: log))
            defer { for process in [orphan, kept, unmarked] { process.identity.sendToGroup(SIGKILL) } }
            // The other tests' stacks sweep, too, when they start: it may be dead before its child was seen.
            try await eventually("the child of the orphan runs") {
                if orphan.exitReason != nil { return true }
                return ProcessTable.pids().contains {
                    ProcessStat(pid: $0)?.group == orphan.identity.pid && $0 != orphan.identity.pid
                }
            }
            OrphanSweep.killOrphans()
            #expect(await orphan.waitForExit() == .signaled(SIGKILL))
            try await eventually("the whole group is dead") {
                !ProcessTable.pids().contains {
                    ProcessStat(pid: $0).map { $0.group == orphan.identity.pid && !$0.isZombie } ?? false
                }
            }
            #expect(kept.identity.isAlive)
            #expect(unmarked.identity.isAlive)
        }
    }

    @Test("processes of a data directory are found by their mark, those of another are left alone")
    func stackMark() async throws {
        try await withTemporaryDirectory { directory in
            let log = directory + "/x.log"
            let mine = try await DetachedProcess.spawn(
                shellCommand("sleep 600", log: log, environment: ["BATON_STACK": directory]))
            let other = try await DetachedProcess.spawn(
                shellCommand("sleep 600", log: log, environment: ["BATON_STACK": directory + "-2"]))
            defer { for process in [mine, other] { process.identity.sendToGroup(SIGKILL) } }
            OrphanSweep.killLeftovers(ofStack: directory)
            #expect(await mine.waitForExit() == .signaled(SIGKILL))
            #expect(other.identity.isAlive)
        }
    }
}
