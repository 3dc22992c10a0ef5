import AgentProtocol
import FaultKit
import Foundation
import JSONTools
import LocalStack
import PostgresDriver
import Testing

extension SideBySideTests {
    @Suite("Cancelled tools, wrong clocks")
    struct StopTests {
        @Test("cancel: the whole process group is gone within 5 s though it ignores SIGTERM; the time is in the record")
        func processGroup() async throws {
            let shared = try TestStack.shared()
            try await shared.needFaultAgent()
            let script = "trap '' TERM; sleep 4321.0103 & sleep 4322.0103 & sleep 4323.0103"
            let id = try await shared.client.create(
                "fault-command", "stubborn", ["argv": ["sh", "-c", .string(script)]])
            try await eventually(within: .seconds(15), "the tools run") {
                CommandLines.containing(".0103").count >= 4
            }
            _ = try await shared.running(id, "first")
            let asked = ContinuousClock.now
            try await shared.client.cancel(id)
            try await eventually(within: .seconds(5), "the process group is gone") {
                CommandLines.containing(".0103").isEmpty
            } explain: {
                "left: \(CommandLines.containing(".0103"))"
            }
            Measurement.note("cancel", "StopTests.processGroup", ContinuousClock.now - asked)
            try await shared.reach("cancelled", id, within: .seconds(10))
            #expect(try await shared.record.attempts(id).map(\.status) == [Record.Attempt.cancelled])
            let stopped = try await shared.record.rows(
                """
                SELECT convert_from(result, 'UTF8')::json #>> '{errors,0,detail,stopped_after_ms}' FROM tasks
                WHERE workflow_id = $1::uuid
                """, [.text("\(id)")])
            #expect(stopped.first?.first.flatMap { Double($0) } != nil, "how long the stop took: \(stopped)")
        }

        @Test("an agent whose clock is five hours off, either way: nothing is judged by it", arguments: [-5, 5])
        func clockOff(_ hours: Int) async throws {
            let shared = try TestStack.shared()
            let agent = HandmadeAgent("hand-clock", shared.redisConfiguration, clockOffset: .seconds(hours * 3600))
            defer { agent.close() }
            try await agent.register()
            agent.keepBeating()
            let id = try await shared.client.create("hand-clock", "clock-\(hours)")
            let task = try #require(try await agent.take().first)
            agent.list([task.envelope.reference])
            try await agent.started(task.envelope.reference)
            _ = try await shared.running(task.envelope.workflowID, "first")
            let remaining = try await shared.record.rows(
                """
                SELECT extract(epoch FROM deadline - clock_timestamp())::text FROM tasks WHERE workflow_id = $1::uuid
                """, [.text("\(task.envelope.workflowID)")])
            let seconds = try #require(remaining.first?.first.flatMap { Double($0) })
            #expect((1700...1800).contains(seconds), "30 min from now by the database's clock, not \(seconds) s")
            // Longer than a lease.
            try await Task.sleep(for: .seconds(18))
            #expect(
                try await shared.record.attempt(task.envelope.workflowID, "first")?.status == Record.Attempt.running)
            try await agent.finish(task, agent.result(of: task.envelope))
            try await shared.complete([task.envelope.workflowID], within: .seconds(10))
            #expect(try await shared.record.attempts(task.envelope.workflowID).map(\.number) == [1])
            _ = id
        }

        @Test("a real agent under a clock that is three hours off works as any other")
        func shifted() async throws {
            let shared = try TestStack.shared()
            let library = shared.stack.configuration.dataDirectory + "/shifted.so"
            let source = shared.stack.configuration.dataDirectory + "/shifted.c"
            try Self.shift.write(toFile: source, atomically: true, encoding: .utf8)
            let compiler = try #require(Programs.find("cc") ?? Programs.find("clang"))
            let outcome = try await ShortCommand(compiler, ["-shared", "-fPIC", "-o", library, source]).run()
            try #require(outcome.succeeded, "\(outcome)")
            try await shared.addFaultAgent("hand-shifted", environment: ["LD_PRELOAD": library])
            let registered = try await shared.record.rows(
                """
                SELECT abs(extract(epoch FROM last_heartbeat_at - clock_timestamp()))::text FROM agents
                WHERE agent_type = 'hand-shifted'
                """)
            #expect(try #require(registered.first?.first.flatMap { Double($0) }) < 60, "the database's clock counts")
            let id = try await shared.client.create("hand-shifted", "shifted", ["sleep_ms": 7000])
            try await shared.complete([id], within: .seconds(20))
            #expect(try await shared.record.attempts(id).map(\.number) == [1])
            try await shared.stack.stop("hand-shifted-agent")
        }

        /// Every look at the time of day is three hours late; clocks that only measure are left alone.
        private static let shift = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <sys/time.h>
            #include <time.h>
            int clock_gettime(clockid_t which, struct timespec *at) {
                static int (*real)(clockid_t, struct timespec *);
                if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
                int status = real(which, at);
                if (status == 0 && which == CLOCK_REALTIME) at->tv_sec -= 3 * 3600;
                return status;
            }
            int gettimeofday(struct timeval *at, void *zone) {
                struct timespec now;
                int status = clock_gettime(CLOCK_REALTIME, &now);
                at->tv_sec = now.tv_sec;
                at->tv_usec = now.tv_nsec / 1000;
                return status;
            }

            """
    }
}
