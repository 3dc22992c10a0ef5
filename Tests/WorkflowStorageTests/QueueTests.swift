import JSONTools
import Testing
import WorkflowStorage

@testable import WorkflowCore

extension WithRecord {
    /// Attempts that are recorded and not sent, and how they are let go.
    @Suite struct QueueTests {
        /// Records queued attempts, one workflow each, in this order.
        private func queue(
            _ kinds: [(tenant: String, lane: WorkflowPriority)], in record: StoreFixture
        ) async throws -> [UniqueID: Int] {
            var order: [UniqueID: Int] = [:]
            var tasks: [NewTask] = []
            for (index, kind) in kinds.enumerated() {
                let workflow = try await record.makeWorkflow(tenant: kind.tenant, priority: kind.lane)
                order[workflow] = index
                // Ascending ids, though they are made within a millisecond.
                let taskID = UniqueID(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000 + UInt64(index))
                tasks.append(record.attempt(of: workflow, priority: kind.lane, isQueued: true, taskID: taskID))
            }
            try await record.dispatch(tasks)
            return order
        }

        @Test("A queued attempt is let go once, under the mark that it was recorded with")
        func once() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow, isQueued: true)
                try await record.dispatch([task])
                #expect(try await record.watch.allOpenAttempts(limit: 10).isEmpty, "it is on no stream")
                #expect(try await record.findings().unpublished.isEmpty, "nothing was sent that could be missing")

                let released = try await record.watch.releaseQueued(agentType: "scaffold", count: 5, turn: 0)
                #expect(released.map(\.reference) == [task.reference])
                #expect(released.first?.payload == task.payload)
                #expect(released.first?.agentType == "scaffold")
                #expect(released.first?.priority == .medium)
                #expect(try await record.watch.allOpenAttempts(limit: 10).map(\.reference) == [task.reference])
                #expect(try await record.watch.releaseQueued(agentType: "scaffold", count: 5, turn: 1).isEmpty)

                // If it never reaches Redis, the relay sees it like any other send.
                try await record.run("UPDATE tasks SET publish_by = clock_timestamp() - interval '1 second'")
                #expect(try await record.findings().unpublished.map(\.reference) == [task.reference])
            }
        }

        @Test("An attempt that an earlier version recorded has its payload in its own row, and goes with it")
        func payloadInRow() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow, isQueued: true)
                try await record.dispatch([task])
                try await record.run(
                    """
                    UPDATE tasks t SET payload = p.body FROM task_payloads p WHERE p.task_id = t.task_id;
                    DELETE FROM task_payloads
                    """)
                let released = try await record.watch.releaseQueued(agentType: "scaffold", count: 1, turn: 0)
                #expect(released.map(\.payload) == [task.payload])
                var again = task.reference
                again.dispatchID += 1
                let answer = try await record.commit { $0.sentAgain = [(workflowID: workflow, reference: again)] }
                #expect(answer.resent.map(\.payload) == [task.payload])
            }
        }

        @Test("Held attempts and those of other types stay; what is no longer held goes")
        func holds() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let held = record.attempt(of: workflow, isQueued: true)
                let other = record.attempt(of: workflow, stage: "check", agentType: "validation", isQueued: true)
                try await record.commit { save in
                    save.tasks = [held, other]
                    save.holds = [(workflowID: workflow, reference: held.reference, isHeld: true)]
                }
                #expect(try await record.watch.releaseQueued(agentType: "scaffold", count: 9, turn: 0).isEmpty)
                let loads = try await record.watch.loads(leaseMilliseconds: 15_000)
                #expect(loads.first { $0.agentType == "scaffold" }?.queued == 0, "what is held has no claim")
                try await record.commit { save in
                    save.holds = [(workflowID: workflow, reference: held.reference, isHeld: false)]
                }
                let released = try await record.watch.releaseQueued(agentType: "scaffold", count: 9, turn: 0)
                #expect(released.map(\.reference) == [held.reference])
            }
        }

        @Test("Of several holds of an attempt in one batch the last one counts", arguments: [true, false])
        func lastHold(isHeld: Bool) async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow, isQueued: true)
                try await record.commit { save in
                    save.tasks = [task]
                    save.holds = [isHeld, !isHeld, isHeld].map {
                        (workflowID: workflow, reference: task.reference, isHeld: $0)
                    }
                }
                let evidence = try await record.watch.evidence(of: [workflow])
                #expect(evidence.first?.attempts.map(\.isHeld) == [isHeld])
                let released = try await record.watch.releaseQueued(agentType: "scaffold", count: 9, turn: 0)
                #expect(released.isEmpty == isHeld)
            }
        }

        @Test("A held attempt that is to be sent again gets its new mark and is not sent until it is let go")
        func heldSendAgain() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow, isQueued: true)
                try await record.commit { save in
                    save.tasks = [task]
                    save.holds = [(workflowID: workflow, reference: task.reference, isHeld: true)]
                }
                let fresh = AttemptReference(taskID: task.reference.taskID, attempt: 1, dispatchID: 7)
                let answer = try await record.commit { $0.sentAgain = [(workflowID: workflow, reference: fresh)] }
                #expect(answer.resent.isEmpty)
                try await record.commit { save in
                    save.holds = [(workflowID: workflow, reference: fresh, isHeld: false)]
                }
                let released = try await record.watch.releaseQueued(agentType: "scaffold", count: 9, turn: 0)
                #expect(released.map(\.reference) == [fresh], "the machine knows it by this mark")
            }
        }

        @Test("A queued attempt that is told to stop is not let go any more, resumed or not")
        func stoppedWhileQueued() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow, isQueued: true)
                try await record.dispatch([task])
                try await record.commit { save in
                    save.stopping = [(workflowID: workflow, reference: task.reference)]
                    save.holds = [(workflowID: workflow, reference: task.reference, isHeld: false)]
                }
                #expect(try await record.watch.releaseQueued(agentType: "scaffold", count: 9, turn: 0).isEmpty)
            }
        }

        @Test("A cancelled attempt that was queued is closed and never let go")
        func cancelled() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                let task = record.attempt(of: workflow, isQueued: true)
                try await record.dispatch([task])
                try await record.commit { save in
                    save.closings = [
                        BatchSave.Closing(
                            workflowID: workflow,
                            closing: AttemptClosing(
                                taskID: task.reference.taskID, attempt: 1, status: .cancelled, faultCode: nil,
                                agentID: nil, keepsResult: false), result: nil)
                    ]
                }
                #expect(try await record.watch.releaseQueued(agentType: "scaffold", count: 9, turn: 0).isEmpty)
            }
        }

        @Test("Lanes go by weight, 8 : 4 : 2 : 1, the oldest first in each")
        func lanes() async throws {
            try await StoreFixture.with { record in
                let kinds = (0..<120).map { index in
                    (tenant: "a", lane: [WorkflowPriority.low, .medium, .high, .critical][index % 4])
                }
                let order = try await queue(kinds, in: record)
                var released: [ResentTask] = []
                for _ in 0..<3 {
                    released += try await record.watch.releaseQueued(
                        agentType: "scaffold", count: 5, turn: released.count)
                }
                let lanes = Dictionary(grouping: released, by: \.priority).mapValues(\.count)
                #expect(lanes == [.critical: 8, .high: 4, .medium: 2, .low: 1])
                for (_, tasks) in Dictionary(grouping: released, by: \.priority) {
                    let places = tasks.compactMap { order[$0.workflowID] }
                    #expect(places == places.sorted(), "oldest first within a lane")
                }
            }
        }

        @Test("One at a time, no lane and no tenant starves", arguments: [1, 2, 3, 5])
        func noStarving(tenants: Int) async throws {
            try await StoreFixture.with { record in
                var kinds: [(tenant: String, lane: WorkflowPriority)] = []
                for tenant in 0..<tenants {
                    kinds += (0..<20).map { _ in (tenant: "t\(tenant)", lane: .critical) }
                    kinds.append((tenant: "t\(tenant)", lane: .low))
                }
                let order = try await queue(kinds, in: record)
                var low: Set<String> = []
                var each: [String: Int] = [:]
                for turn in 0..<(15 * tenants) {
                    let task = try #require(
                        try await record.watch.releaseQueued(agentType: "scaffold", count: 1, turn: turn).first)
                    let tenant = kinds[try #require(order[task.workflowID])].tenant
                    each[tenant, default: 0] += 1
                    if task.priority == .low { low.insert(tenant) }
                }
                #expect(low.count == tenants, "each tenant's low task went within a round of the pattern")
                #expect(each.values.allSatisfy { $0 == 15 }, "tenants took turns: \(each)")
            }
        }

        @Test("A tenant with few tasks does not wait for one with many")
        func tenants() async throws {
            try await StoreFixture.with { record in
                let kinds =
                    (0..<40).map { _ in (tenant: "big", lane: WorkflowPriority.medium) }
                    + [(tenant: "small", lane: .medium), (tenant: "small", lane: .low)]
                let order = try await queue(kinds, in: record)
                let released = try await record.watch.releaseQueued(agentType: "scaffold", count: 6, turn: 0)
                let tenants = try released.map { kinds[try #require(order[$0.workflowID])].tenant }
                #expect(tenants == ["big", "small", "big", "small", "big", "big"])
            }
        }

        @Test("Two that let go at once share: nothing twice, nothing left")
        func concurrently() async throws {
            try await StoreFixture.with { record in
                _ = try await queue((0..<60).map { _ in (tenant: "a", lane: .high) }, in: record)
                let released = try await withThrowingTaskGroup(of: [ResentTask].self) { group in
                    for turn in 0..<6 {
                        group.addTask {
                            try await record.watch.releaseQueued(agentType: "scaffold", count: 10, turn: turn)
                        }
                    }
                    var all: [ResentTask] = []
                    for try await part in group { all += part }
                    return all
                }
                let rest = try await record.watch.releaseQueued(agentType: "scaffold", count: 60, turn: 0)
                let references = (released + rest).map(\.reference)
                #expect(references.count == 60)
                #expect(Set(references).count == 60)
            }
        }

        @Test("The load of a type: what is sent, what is queued, the slots of its living agents")
        func loads() async throws {
            try await StoreFixture.with { record in
                let workflow = try await record.makeWorkflow()
                try await record.dispatch([
                    record.attempt(of: workflow), record.attempt(of: workflow, number: 2, isQueued: true),
                    record.attempt(of: workflow, number: 3, isQueued: true),
                ])
                try await record.registerAgent("scaffold-00000001", slots: 4)
                try await record.registerAgent("scaffold-00000002", slots: 3)
                try await record.registerAgent("scaffold-00000003", slots: 9)
                try await record.registerAgent("e2e-00000001", type: "e2e", slots: 2)
                try await record.watch.retire(["scaffold-00000003"])
                let expected: Set = [
                    AgentTypeLoad(agentType: "scaffold", sent: 1, queued: 2, slots: 7),
                    AgentTypeLoad(agentType: "e2e", sent: 0, queued: 0, slots: 2),
                ]
                #expect(Set(try await record.watch.loads(leaseMilliseconds: 15_000)) == expected)
                #expect(Set(try await record.findings().loads) == expected)
            }
        }
    }
}
