import JSONTools
import Testing
@testable import WorkflowCore
@testable import WorkflowStorage

/// The record in memory does what PostgreSQL does, case by case.
@Suite(.serialized) struct TwinTests {
    @Test func `The record in memory keeps and refuses what PostgreSQL keeps and refuses`() async throws {
        let cases = Self.cases
        try await withTwins(cases.keys.sorted()) { twins, name in
            let run = try #require(cases[name])
            try await run(twins)
            try await twins.expectSameRows("after case \(name)")
        }
    }

    static let cases: [String: @Sendable (Twins) async throws -> Void] = [
        "keys": idempotencyKeys, "uniqueness": uniqueness, "locks": locks, "attempts": attempts, "watch": watch,
        "agents": agents, "outcome": outcome,
    ]

    /// A key counts per tenant; a second use is repeated by the Advancer, and then finds the first.
    @Sendable static func idempotencyKeys(_ twins: Twins) async throws {
        var maker = BatchMaker(twins.definition)
        let ids = (0..<4).map { _ in maker.id() }
        var save = maker.batch()
        maker.create(ids[0], key: "k", in: &save)
        maker.create(ids[1], key: "k", tenant: "other", in: &save)
        maker.create(ids[2], in: &save)
        #expect(try await twins.commit(save).hasPrefix("resent"))
        var again = maker.batch()
        maker.create(ids[3], key: "k", in: &again)
        #expect(try await twins.commit(again) == "repeatable")
        let request = BatchRequest(
            workflows: ids.sorted(), waits: false, factsOf: [ids[1], ids[3]],
            keys: [.init(tenant: "default", key: "k"), .init(tenant: "default", key: "unused")])
        let (real, twin) = (try await twins.first.begin(request), try await twins.memoryFirst.begin(request))
        #expect(real.known == twin.known && real.known.map(\.workflowID) == [ids[0]])
        #expect(real.facts == twin.facts && real.facts.map(\.id) == [ids[1]])
        #expect(real.locked.map(\.id) == twin.locked.map(\.id) && real.locked.count == 3)
        await twins.first.abandon()
        await twins.memoryFirst.abandon()
    }

    /// What a unique key forbids is refused, and nothing of that batch stays.
    @Sendable static func uniqueness(_ twins: Twins) async throws {
        var maker = BatchMaker(twins.definition)
        let id = maker.id()
        var save = maker.batch()
        maker.create(id, in: &save)
        save.events = [(id, maker.event(1)), (id, maker.event(2))]
        save.outputs = [(id, maker.output("one", generation: 1))]
        save.tasks = [maker.task(id, AttemptReference(taskID: id, attempt: 1, dispatchID: 3))]
        try await twins.commit(save)
        var doubled: [BatchSave] = []
        for change: (inout BatchSave) -> Void in [
            { $0.events = [(id, maker.event(3)), (id, maker.event(2))] },
            { $0.outputs = [(id, maker.output("one", generation: 1))] },
            { $0.tasks = [maker.task(id, AttemptReference(taskID: id, attempt: 1, dispatchID: 4))] },
            { $0.newStates = [maker.state(id, version: 9)] },
            { $0.id = save.id },
        ] {
            var batch = maker.batch()
            batch.states = [maker.state(id, version: 2, bytes: [2])]
            change(&batch)
            doubled.append(batch)
        }
        for batch in doubled { #expect(try await twins.commit(batch, begin: [id]) == "refused") }
        var next = maker.batch()
        next.outputs = [(id, maker.output("one", generation: 2))]
        next.states = [maker.state(id, version: 2, bytes: [2], isTerminal: true)]
        next.summaries = [maker.summary(id, version: 2, status: "completed")]
        try await twins.commit(next, begin: [id])
    }

    /// A row that one batch holds is passed over by another that doesn't wait, and free after its end.
    @Sendable static func locks(_ twins: Twins) async throws {
        var maker = BatchMaker(twins.definition)
        let ids = [maker.id(), maker.id()].sorted()
        var save = maker.batch()
        for id in ids { maker.create(id, in: &save) }
        try await twins.commit(save)
        func begin(_ workflows: [UniqueID], waits: Bool = false, second: Bool) async throws -> [[UniqueID]] {
            let request = BatchRequest(workflows: workflows, waits: waits, factsOf: [], keys: [])
            let real = try await (second ? twins.second : twins.first).begin(request)
            let twin = try await (second ? twins.memorySecond : twins.memoryFirst).begin(request)
            return [real.locked.map(\.id), twin.locked.map(\.id)]
        }
        #expect(try await begin([ids[0]], second: false) == [[ids[0]], [ids[0]]])
        #expect(try await begin(ids, second: true) == [[ids[1]], [ids[1]]])
        await twins.first.abandon()
        await twins.memoryFirst.abandon()
        // The second batch still holds the other one.
        #expect(try await begin(ids, second: false) == [[ids[0]], [ids[0]]])
        await twins.first.abandon()
        await twins.memoryFirst.abandon()
        async let waiting = begin(ids, waits: true, second: false)
        await twins.second.abandon()
        await twins.memorySecond.abandon()
        #expect(try await waiting == [ids, ids])
        await twins.first.abandon()
        await twins.memoryFirst.abandon()
    }

    /// An attempt's life: sent, sent again, bound, stopped, closed; what comes after its end changes nothing.
    @Sendable static func attempts(_ twins: Twins) async throws {
        var maker = BatchMaker(twins.definition)
        let id = maker.id()
        var references = (1...4).map { AttemptReference(taskID: maker.id(), attempt: 1, dispatchID: UInt64($0)) }
        references[3].attempt = 2
        var save = maker.batch()
        maker.create(id, in: &save)
        save.tasks = references.map { maker.task(id, $0) }
        try await twins.commit(save)
        for store: any WatchStore in [twins.watch, twins.memory] {
            try await store.markPublished([
                PublishedSend(workflowID: id, reference: references[0], entryID: "1-1"),
                PublishedSend(
                    workflowID: id,
                    reference: AttemptReference(taskID: references[1].taskID, attempt: 1, dispatchID: 99),
                    entryID: "2-2"),
            ])
        }
        var change = maker.batch()
        var again = references[0]
        again.dispatchID = 77
        change.sentAgain = [(id, again), (id, AttemptReference(taskID: id, attempt: 1, dispatchID: 5))]
        change.bindings = [
            BatchSave.Binding(workflowID: id, reference: references[1], agentID: "scaffold-1", deadline: maker.now)
        ]
        change.stopping = [(id, references[1])]
        change.closings = [maker.close(references[2], .succeeded, keepsResult: true, of: id)]
        #expect(try await twins.commit(change).contains("left []"))
        var end = maker.batch()
        end.closings = [
            maker.close(references[1], .lost, keepsResult: false, of: id),
            maker.close(references[2], .failed, keepsResult: false, of: id),
        ]
        end.sentAgain = [(id, references[2])]
        #expect(try await twins.commit(end) == #"resent [] left ["scaffold high []"]"#)
    }

    /// What is due is found by both, and nothing else.
    @Sendable static func watch(_ twins: Twins) async throws {
        var maker = BatchMaker(twins.definition)
        let id = maker.id()
        let references = (1...3).map { AttemptReference(taskID: maker.id(), attempt: 1, dispatchID: UInt64($0)) }
        var save = maker.batch()
        maker.create(id, in: &save)
        save.tasks = references.map { maker.task(id, $0) }
        save.bindings = zip(references[1...], ["scaffold-1", "scaffold-9"]).map { reference, agent in
            BatchSave.Binding(workflowID: id, reference: reference, agentID: agent, deadline: maker.now)
        }
        save.timers = [(id, maker.now + .seconds(60)), (id, maker.now + .seconds(30))]
        try await twins.commit(save)
        let agent = AgentRegistration(
            agentID: "scaffold-1", agentType: "scaffold", version: "1", actions: [], slots: 2, host: "h", pid: 1)
        for store: any WatchStore in [twins.watch, twins.memory] { try await store.register([agent]) }
        var seen: [[String]] = []
        for _ in 0..<3 {
            var answers: [[String]] = []
            for store: any WatchStore in [twins.watch, twins.memory] { answers.append(try await look(store)) }
            #expect(answers[0] == answers[1])
            seen.append(answers[0])
            try await twins.age(bySeconds: 20)
            if seen.count == 1 {
                for store: any WatchStore in [twins.watch, twins.memory] {
                    _ = try await store.beat([AgentBeat(agentID: "scaffold-1", freeSlots: 0, running: 2)])
                }
            }
        }
        #expect(seen[0].count == 6 && seen[1] != seen[0] && seen[2] != seen[1])
        try await twins.age(bySeconds: 4000)
        #expect(try await look(twins.watch) == look(twins.memory))
    }

    private static func look(_ store: any WatchStore) async throws -> [String] {
        let found = try await store.findings(
            WatchQuestion(judgesLeases: true, leaseMilliseconds: 15_000, looksForOverdue: true))
        var lines = found.due.map { "due \($0)" } + found.overdue.map { "overdue \($0)" }
        lines += found.unpublished.map { "unpublished \($0.reference)" }.sorted()
        lines += found.expired.map { "expired \($0.reference) \($0.agentID)" }.sorted()
        let all = try await store.allOpenAttempts(limit: 10)
        let some = try await store.openAttempts(boundTo: ["scaffold-1"])
        let one = try await store.openAttempts(taskIDs: [all[0].reference.taskID])
        lines += (all + some + one).map { row in
            "open \(row.reference) \(row.stage) \(row.agentID ?? "-") \(row.isStopping) "
                + "\((row.ageMilliseconds + 2000) / 4000) \(row.boundMilliseconds.map { ($0 + 2000) / 4000 } ?? -1)"
        }
        lines.append("living \(try await store.livingAgents(leaseMilliseconds: 15_000).keys.sorted())")
        return lines
    }

    /// Registering, beating, leaving, coming back.
    @Sendable static func agents(_ twins: Twins) async throws {
        for store: any WatchStore in [twins.watch, twins.memory] {
            func agent(_ id: String, slots: Int) -> AgentRegistration {
                AgentRegistration(
                    agentID: id, agentType: "scaffold", version: "1", actions: [], slots: slots, host: "h", pid: 1)
            }
            try await store.register([agent("a-1", slots: 2), agent("a-2", slots: 3)])
            let beats = ["a-1", "a-3"].map { AgentBeat(agentID: $0, freeSlots: 1, running: 1) }
            #expect(try await store.beat(beats) == ["a-1": "scaffold"])
            try await store.retire(["a-1", "a-2"])
            #expect(try await store.livingAgents(leaseMilliseconds: 1000).isEmpty)
            try await store.register([agent("a-2", slots: 5)])
            #expect(try await store.livingAgents(leaseMilliseconds: 60_000) == ["a-2": "scaffold"])
            try await store.keep([DeadLetter(kind: .message, source: "s", cause: "c", detail: "d", bytes: [1])])
        }
        try await twins.expectSameRows()
    }

    /// A batch whose outcome was asked for either was committed or never will be.
    @Sendable static func outcome(_ twins: Twins) async throws {
        var maker = BatchMaker(twins.definition)
        let (lost, kept) = (maker.batch(), maker.id())
        for session: any BatchSession in [twins.first, twins.memoryFirst] {
            #expect(try await session.wasCommitted(lost.id) == false)
        }
        var late = lost
        maker.create(kept, in: &late)
        #expect(try await twins.commit(late) == "refused")
        late.id = maker.id()
        try await twins.commit(late)
        for session: any BatchSession in [twins.first, twins.memoryFirst] {
            #expect(try await session.wasCommitted(late.id))
            let hash = twins.definition.contentHash
            #expect(try await session.definitionBlob(hash: hash) == twins.definition.canonicalJSON().canonicalBytes())
            #expect(try await session.definitionBlob(hash: "nothing") == nil)
        }
    }
}
