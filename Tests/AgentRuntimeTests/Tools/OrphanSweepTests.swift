import Glibc
import Testing

@testable import AgentRuntime

@Suite("Clearing up after dead agents")
struct OrphanSweepTests {
    @Test("A mark is read as it was written, and dies with its process")
    func mark() throws {
        let own = ProcessMark.own
        #expect(own.isAlive)
        #expect(ProcessMark(own.description) == own)
        #expect(
            !ProcessMark(processID: own.processID, startTime: own.startTime + 1).isAlive, "another process of that id")
        for text in ["", "1", ":", "0:1", "-1:1", "1:x", "1:2:3"] { #expect(ProcessMark(text) == nil, "\(text)") }
    }

    @Test("Groups of dead owners are killed, those of living ones are not")
    func groups() async throws {
        try await TemporaryDirectory.with { directory in
            _ = try await directory.trial(
                ClosureAction { context in
                    // A process id above the kernel's highest can't be alive.
                    let orphan = try await context.tools.spawn(
                        ToolCommand("sleep", ["60"], environment: [ProcessMark.variable: "4194305:1"]))
                    let own = try await context.tools.spawn(ToolCommand("sleep", ["60"]))
                    // The mark is in place once the child has become sleep. Another stack on this machine may sweep at the
                    // same time and be first.
                    while orphan.isRunning, ProcessTable.variable(ProcessMark.variable, of: orphan.pid) != "4194305:1" {
                        await Task.yield()
                    }
                    _ = OrphanSweep.killGroupsOfDeadOwners()
                    #expect(try await orphan.waitForExit().signal == SIGKILL)
                    #expect(own.isRunning)
                    return ActionOutcome()
                })
        }
    }

    @Test("A directory that its owner holds the lock on stays, whatever its process id means here")
    func otherContainer() async throws {
        try await TemporaryDirectory.with { directory in
            let work = directory.path + "/work"
            try FileSystem.makeDirectories(work + "/container")
            let owner = DirectoryOwner()
            // A process that isn't there, as one of another container isn't.
            try owner.claim(work + "/container", as: ProcessMark(processID: 4_194_305, startTime: 1))
            #expect(OrphanSweep.removeDirectoriesOfDeadOwners(in: work) == [])
            withExtendedLifetime(owner) {}
        }
    }

    @Test("Without its lock, a young directory of another container stays, an old one goes")
    func namespaces() async throws {
        try await TemporaryDirectory.with { directory in
            let work = directory.path + "/work"
            try directory.write("\(ProcessMark.own)\npid:[1]\n", to: "work/other/owner")
            #expect(OrphanSweep.removeDirectoriesOfDeadOwners(in: work) == [])
            var times = [timespec(), timespec(tv_sec: time(nil) - 120, tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, work + "/other/owner", &times, 0) == 0)
            #expect(OrphanSweep.removeDirectoriesOfDeadOwners(in: work) == ["other"])
        }
    }

    @Test("The directory of an agent is its own while it lives")
    func claimed() async throws {
        try await TemporaryDirectory.with { directory in
            _ = try await directory.trial(
                ClosureAction { context in
                    _ = try await context.tools.runChecked(ToolCommand("true"))
                    #expect(OrphanSweep.removeDirectoriesOfDeadOwners(in: directory.path + "/data/work") == [])
                    #expect(FileSystem.exists(context.scratch))
                    return ActionOutcome()
                })
        }
    }

    @Test("Directories of dead agents are deleted, those of living and of starting ones are not")
    func directories() async throws {
        try await TemporaryDirectory.with { directory in
            let work = directory.path + "/work"
            try directory.write("4194305:1\n", to: "work/dead/owner")
            try directory.write("x", to: "work/dead/attempt/workspace/file")
            symlink("/usr", work + "/dead/attempt/link")
            try directory.write("\(ProcessMark.own)\n", to: "work/living/owner")
            try FileSystem.makeDirectories(work + "/starting")
            let removed = OrphanSweep.removeDirectoriesOfDeadOwners(in: work)
            #expect(removed == ["dead"])
            #expect(FileSystem.names(in: work).sorted() == ["living", "starting"])
            #expect(FileSystem.exists("/usr/bin"))
        }
    }
}
