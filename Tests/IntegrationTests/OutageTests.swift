import FaultKit
import Foundation
import Glibc
import JSONTools
import LocalStack
import Testing

/// Most of it is waiting, so that it has a stack of its own.
@Suite("Something is away for longer than a lease", .serialized, .sharedStack(.killed))
struct OutageTests {
    /// Longer than an agent's lease, 15 s, and than what runs; ten minutes with `BATON_LONG_OUTAGES=1`.
    static let outage: Duration =
        ProcessInfo.processInfo.environment["BATON_LONG_OUTAGES"] == "1" ? .seconds(600) : .seconds(18)

    @Test(
        "redis, the database or the orchestrator away: no attempt is used up, work goes on, results are kept",
        arguments: ["redis", "postgres", "orchestrator"])
    func away(_ component: String) async throws {
        let shared = try TestStack.shared()
        let short = try await shared.client.create("nap-scaffold", "\(component)-away", ["sleep_ms": 6000])
        let long = try await shared.client.create(
            "nap-e2e", "\(component)-away",
            ["sleep_ms": .integer(Self.outage.components.seconds * 1000 + 4000)])
        var before: [UniqueID: Record.Attempt] = [:]
        for id in [short, long] { before[id] = try await shared.running(id, "first") }
        try await shared.stack.stop(component)
        var ids = [short, long]
        switch component {
        case "redis":
            // Requests are accepted, and wait.
            ids.append(try await shared.client.create("noop", "accepted-without-redis"))
            let waiting = try await shared.client.workflow(ids[2])
            #expect(waiting["status"] != "completed")
        case "postgres":
            try await eventually(within: .seconds(10), "the API says that it can't, and when to ask again") {
                let answer = try await shared.client.send(
                    "POST", "/api/v1/workflows", ["type": "noop", "name": "refused", "input_data": [:]])
                return answer.status == 503 && answer.retryAfter != nil
            }
        default: break
        }
        // The fault itself, not a wait for something.
        try await Task.sleep(for: Self.outage)
        let back = ContinuousClock.now
        try await shared.stack.start(component)
        // What ended while it was away was kept, and goes on now.
        try await shared.complete([short] + ids.dropFirst(2), within: .seconds(10))
        Measurement.note("\(component)-away", "OutageTests.away(\(component))", ContinuousClock.now - back)
        try await shared.complete(ids, within: .seconds(40))
        for id in [short, long] {
            let attempts = try await shared.record.attempts(id).filter { $0.stage == "first" }
            #expect(attempts.map(\.number) == [1], "\(component) away used up an attempt")
            #expect(attempts.map(\.dispatch) == [before[id]?.dispatch])
        }
        try await shared.checkConservation()
    }

    @Test("an agent that hangs for longer than its lease is fenced out; the stage completes once")
    func hanging() async throws {
        let shared = try TestStack.shared()
        let id = try await shared.client.create("nap-integration", "hanging", ["sleep_ms": 3000])
        _ = try await shared.running(id, "first")
        #expect(try await shared.stack.signal("integration-agent", SIGSTOP))
        do {
            try await eventually(within: .seconds(25), "the attempt is lost") {
                try await shared.record.attempts(id).first?.status == Record.Attempt.lost
            }
        } catch {
            try await shared.stack.signal("integration-agent", SIGCONT)
            throw error
        }
        #expect(try await shared.stack.signal("integration-agent", SIGCONT))
        try await shared.complete([id], within: .seconds(40))
        let attempts = try await shared.record.attempts(id).filter { $0.stage == "first" }
        #expect(attempts.map(\.status) == [Record.Attempt.lost, Record.Attempt.succeeded])
        #expect(try await shared.record.stages(id, "stage_completed") == ["first", "second"])
        try await shared.checkConservation()
    }
}
