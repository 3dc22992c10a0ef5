import FaultKit
import Foundation
import JSONTools
import LocalStack
import PostgresDriver
import Testing

extension SideBySideTests {
    @Suite("Tasks that harm their agent")
    struct HarmTests {
        @Test("poison kills each agent that takes it: parked after max_attempts with its cause, other tasks unharmed")
        func poison() async throws {
            let shared = try TestStack.shared()
            try await shared.addFaultAgent("hand-fragile")
            let begun = ContinuousClock.now
            let id = try await shared.client.create("poison", "poison")
            let others = try await shared.client.createMany(5, "hand-fragile", "unharmed", ["sleep_ms": 100])
            try await shared.reach("failed", id, within: .seconds(60))
            Measurement.note("poison", "HarmTests.poison", ContinuousClock.now - begun)
            let attempts = try await shared.record.attempts(id)
            #expect(attempts.map(\.number) == [1, 2])
            #expect(attempts.allSatisfy { $0.status == Record.Attempt.lost })
            let workflow = try await shared.client.workflow(id)
            #expect(workflow["error"] != .null || workflow["fault"] != .null, "it says why: \(workflow)")
            try await shared.complete(others, within: .seconds(60))
            let parked = try await shared.record.rows(
                "SELECT kind, cause FROM dead_letters WHERE workflow_id = $1::uuid", [.text("\(id)")])
            #expect(parked.first?.first == "task", "a spent task is a dead letter: \(parked)")
        }

        @Test("the disk is full: a clear failure of that task, the agent lives on")
        func diskFull() async throws {
            let shared = try TestStack.shared()
            let place = shared.stack.configuration.dataDirectory + "/small-disk"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            let isMounted =
                (try? await ShortCommand("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", place]).run())?.succeeded
                == true
            do {
                try await shared.addFaultAgent("hand-full", environment: isMounted ? ["BATON_DATA_DIR": place] : [:])
                // Who may not mount has the disk that is always full.
                let id = try await shared.client.create(isMounted ? "disk-full" : "dev-full", "disk-full")
                try await shared.reach("failed", id, within: .seconds(20))
                let workflow = try await shared.client.workflow(id)
                #expect("\(workflow)".contains("No space left on device"), "\(workflow)")
                let mark = shared.news.count
                let next = try await shared.client.create("hand-full", "afterwards")
                try await shared.complete([next], within: .seconds(20))
                #expect(shared.news.death(of: "hand-full-agent", after: mark) == nil)
            } catch {
                await end(place, isMounted, shared)
                throw error
            }
            await end(place, isMounted, shared)
        }

        private func end(_ place: String, _ isMounted: Bool, _ shared: TestStack) async {
            try? await shared.stack.stop("hand-full-agent")
            if isMounted { _ = try? await ShortCommand("umount", ["-l", place]).run() }
        }

        @Test("the workspace is gone: a clear failure that names it")
        func workspaceGone() async throws {
            let shared = try TestStack.shared()
            try await shared.needFaultAgent()
            let agent = HandmadeAgent("hand-gone", shared.redisConfiguration)
            defer { agent.close() }
            try await agent.register()
            let id = try await shared.client.create("workspace-gone", "workspace-gone")
            var task: HandmadeAgent.Taken?
            try await eventually(within: .seconds(30), "the stage before it is done") {
                task = try await agent.take().first
                return task != nil
            }
            let repository = "\(shared.stack.configuration.dataDirectory)/workspaces/\(id).git"
            #expect(FileManager.default.fileExists(atPath: repository))
            // Moved, not removed: the orchestrator may be naming the accepted commit in it at this moment.
            try FileManager.default.moveItem(atPath: repository, toPath: repository + ".away")
            let taken = try #require(task)
            try await agent.finish(taken, agent.result(of: taken.envelope))
            try await shared.reach("failed", id, within: .seconds(20))
            #expect(try await shared.faults(id).suffix(2) == ["WORKSPACE_MISSING", "WORKSPACE_MISSING"])
        }

        @Test("the tool is missing: a clear failure that names it")
        func toolMissing() async throws {
            let shared = try TestStack.shared()
            try await shared.needFaultAgent()
            let id = try await shared.client.create("fault-command", "tool-missing", ["argv": ["no-such-tool", "1"]])
            try await shared.reach("failed", id, within: .seconds(20))
            #expect(try await shared.faults(id) == ["TOOL_MISSING"])
            #expect("\(try await shared.client.workflow(id))".contains("no-such-tool"))
        }

        @Test("a tool prints 1 GB: its end is kept, the agent's memory stays small, the task succeeds")
        func oneGigabyte() async throws {
            let shared = try TestStack.shared()
            try await shared.needFaultAgent()
            let begun = ContinuousClock.now
            let id = try await shared.client.create(
                "fault-command", "one-gigabyte", ["argv": ["head", "-c", "1073741824", "/dev/zero"]])
            try await shared.reach("completed", id, within: .seconds(90))
            Measurement.note("one-gigabyte", "HarmTests.oneGigabyte", ContinuousClock.now - begun)
            let output = try await shared.record.rows(
                "SELECT convert_from(output, 'UTF8') FROM outputs WHERE workflow_id = $1::uuid", [.text("\(id)")])
            #expect(output.first?.first?.contains(#""truncated":true"#) == true, "\(output)")
            let memory = try await shared.peakMemory("fault-agent")
            Measurement.note("one-gigabyte-memory", "HarmTests.oneGigabyte", "bytes", .integer(Int64(memory)))
            #expect(memory < 256 << 20, "the agent took \(memory >> 20) MiB")
        }
    }
}
