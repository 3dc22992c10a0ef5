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
        "agents": agents, "outcome": outcome, "waiting": waiting, "queue": queue,
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
        #expect(seen[0].count == 7 && seen[1] != seen[0] && seen[2] != seen[1])
        try await twins.age(bySeconds: 4000)
        #expect(try await look(twins.watch) == look(twins.memory))
    }

    /// Questions are asked, answered, closed and left; a stage is parked once a generation.
    @Sendable static func waiting(_ twins: Twins) async throws {
        var maker = BatchMaker(twins.definition)
        let id = maker.id()
        let reference = AttemptReference(taskID: maker.id(), attempt: 1, dispatchID: 1)
        func question(_ name: String, round: Int) -> NewQuestion {
            NewQuestion(
                workflowID: id, stage: "one", generation: 1, round: round, taskID: reference.taskID, attempt: 1,
                id: name, text: "Which?", options: ["a"], expiresAt: maker.now + .seconds(60))
        }
        func parked(_ generation: Int) -> NewParkedTask {
            NewParkedTask(
                workflowID: id, stage: "one", generation: generation, taskID: reference.taskID, attempt: 1,
                faultCode: "BAD", faultMessage: "it was bad", causeClass: "failed")
        }
        var save = maker.batch()
        maker.create(id, in: &save)
        save.tasks = [maker.task(id, reference)]
        save.questions = [question("q1", round: 1), question("q2", round: 1), question("q1", round: 2)]
        save.parked = [parked(1)]
        try await twins.commit(save)
        try await expectSameFindings(twins)
        var again = maker.batch()
        again.questions = [question("q1", round: 1)]
        #expect(try await twins.commit(again) == "refused")
        var next = maker.batch()
        next.answered = [
            AnsweredRound(
                workflowID: id, stage: "one", generation: 1, round: 1, values: [(id: "q1", value: "yes")], actor: "ann")
        ]
        next.parked = [parked(1), parked(2)]
        try await twins.commit(next)
        try await twins.age(bySeconds: 300)
        try await expectSameFindings(twins)
        var reopened = maker.batch()
        reopened.reopened = [(workflowID: id, actor: "bob", stages: ["one"])]
        reopened.parked = [parked(3)]
        try await twins.commit(reopened)
    }

    /// What is queued is held, let go and closed the same way.
    @Sendable static func queue(_ twins: Twins) async throws {
        var maker = BatchMaker(twins.definition)
        var save = maker.batch()
        var queued: [(UniqueID, AttemptReference)] = []
        for number in 0..<24 {
            let id = maker.id()
            maker.create(id, tenant: ["a", "b", "c"][number % 3], in: &save)
            let reference = AttemptReference(taskID: maker.id(), attempt: 1, dispatchID: UInt64(number))
            var task = maker.task(id, reference)
            task.isQueued = true
            task.priority = WorkflowPriority.allCases[number / 3 % 4]
            save.tasks.append(task)
            queued.append((id, reference))
        }
        try await twins.commit(save)
        var change = maker.batch()
        change.holds = [(queued[0].0, queued[0].1, true), (queued[1].0, queued[1].1, true)]
        change.sentAgain = [(queued[2].0, queued[2].1)]
        change.closings = [maker.close(queued[3].1, .cancelled, keepsResult: false, of: queued[3].0)]
        try await twins.commit(change)
        try await expectSameFindings(twins)
        var turn = 4
        for count in [1, 2] {
            var both = maker.batch()
            both.releases = [("scaffold", count, turn), ("validation", 3, 0)]
            if count == 2 {
                // What a batch records may go with it.
                var task = maker.task(queued[0].0, AttemptReference(taskID: maker.id(), attempt: 1, dispatchID: 99))
                task.isQueued = true
                both.tasks = [task]
                both.holds = [(task.workflowID, task.reference, true)]
            }
            try await twins.commit(both)
            turn += count
        }
        for count in [5, 1, 30] {
            let real = try await twins.watch.releaseQueued(agentType: "scaffold", count: count, turn: turn)
            let twin = try await twins.memory.releaseQueued(agentType: "scaffold", count: count, turn: turn)
            #expect(real.map(\.reference) == twin.map(\.reference), "\(count) from turn \(turn)")
            turn += real.count
        }
        #expect(turn == 24)
        try await twins.age(bySeconds: 30)
        try await expectSameFindings(twins)
    }

    private static func expectSameFindings(_ twins: Twins) async throws {
        // The one is asked after the other, by clocks that go on: what only the moment made different doesn't stay so.
        var (real, twin): ([String], [String]) = ([], [])
        for _ in 1...10 {
            (real, twin) = (try await look(twins.watch), try await look(twins.memory))
            if real == twin { break }
            try await Task.sleep(for: .seconds(1))
        }
        #expect(real == twin)
        let ids = twins.memory.record.states.keys.sorted()
        let (seen, expected) = (try await twins.watch.evidence(of: ids), try await twins.memory.evidence(of: ids))
        #expect(seen.map(describe) == expected.map(describe))
    }

    private static func describe(_ evidence: WorkflowEvidence) -> String {
        let attempts = evidence.attempts.map { "\($0.stage) g\($0.generation) \($0.reference) \($0.status)" }.sorted()
        return "\(evidence.workflowID) v\(evidence.version) \(evidence.newestEvent) \(attempts) "
            + "\(evidence.outputs.count) \(evidence.openQuestions) \(evidence.timerDue != nil)"
    }

    private static func look(_ store: any WatchStore) async throws -> [String] {
        let found = try await store.findings(
            WatchQuestion(judgesLeases: true, leaseMilliseconds: 15_000, looksForOverdue: true))
        var watched: [String] = []
        for (name, attempts) in [
            ("agentless", found.agentless), ("queued", found.queuedLong), ("late", found.pastDeadline),
            ("orphaned", found.orphaned),
        ] {
            watched += attempts.map { "\(name) \($0.reference) \(($0.milliseconds + 2000) / 4000)" }.sorted()
        }
        watched += found.stranded.map { "stranded \($0)" }.sorted()
        watched += found.timerless.map { "timerless \($0)" }.sorted()
        watched += found.expiredQuestions.map { "question \($0)" }.sorted()
        watched += found.lateTimers.map { "late timer \($0.workflowID)" }
        watched += found.loads.map { "\($0.agentType) \($0.sent) \($0.queued) \($0.slots)" }.sorted()
        var lines = found.due.map { "due \($0)" } + found.overdue.map { "overdue \($0)" }
        lines += found.unpublished.map { "unpublished \($0.reference)" }.sorted()
        lines += found.expired.map { "expired \($0.reference) \($0.agentID)" }.sorted()
        let all = try await store.allOpenAttempts(limit: 100)
        let some = try await store.openAttempts(boundTo: ["scaffold-1"])
        let one = try await store.openAttempts(taskIDs: all.prefix(1).map(\.reference.taskID))
        lines += (all + some + one).map { row in
            "open \(row.reference) \(row.stage) \(row.agentID ?? "-") \(row.isStopping) "
                + "\((row.ageMilliseconds + 2000) / 4000) \(row.boundMilliseconds.map { ($0 + 2000) / 4000 } ?? -1)"
        }
        lines += watched
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
            #expect(try await store.beat(beats).types == ["a-1": "scaffold"])
            try await store.retire(["a-1", "a-2"])
            let late = try await store.beat([AgentBeat(agentID: "a-2", freeSlots: 1, running: 0)])
            #expect(late.types.isEmpty, "what it said before its goodbye does not bring it back")
            #expect(try await store.livingAgents(leaseMilliseconds: 1000).isEmpty)
            #expect(try await store.goneAgents(among: ["a-1", "a-2", "a-9"]) == ["a-1", "a-2"])
            try await store.register([agent("a-2", slots: 5)])
            #expect(try await store.livingAgents(leaseMilliseconds: 60_000) == ["a-2": "scaffold"])
            #expect(try await store.goneAgents(among: ["a-2", "a-1"]) == ["a-1"], "who registers again is back")
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
