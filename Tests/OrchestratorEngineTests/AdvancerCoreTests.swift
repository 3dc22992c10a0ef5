import JSONTools
import OrchestratorEngine
import Testing
import WorkflowCore
import WorkflowStorage

@Suite("The door as a value")
struct AdvancerCoreTests {
    @Test("a workflow is recorded first; only then its caller is answered and its task handed on")
    func commitFirst() throws {
        var bench = try DoorBench()
        let token = bench.call(.create(bench.creation()))
        let save = try bench.untilCommit()
        #expect(save.tasks.count == 1)
        #expect(bench.handedOn.isEmpty)
        #expect(bench.replies.isEmpty)
        try bench.settle()
        #expect(bench.handedOn.map(\.sends.count) == [1])
        guard case .created(let created)? = bench.replies[token].only else {
            Issue.record("expected one answer: \(bench.replies)")
            return
        }
        #expect(created.state.encoded() == save.newStates.first?.bytes)
        #expect(created.tasks.map(\.reference) == save.tasks.map(\.reference))
        #expect(created.workflow.facts.name == "a test" && created.at == save.now)
        #expect(bench.core.isIdle)
    }

    @Test("a commit of unknown outcome that went through is looked up; its effects go out once and nothing is repeated")
    func unknownButCommitted() throws {
        var bench = try DoorBench()
        let token = bench.call(.create(bench.creation()))
        let save = try bench.untilCommit()
        _ = try bench.record.commit(save, session: 1, at: save.now)
        bench.tell(.failed(.unknownOutcome("connection lost")))
        guard case .lookUp(save.id)? = bench.request else {
            Issue.record("the outcome has to be looked up: \(String(describing: bench.request))")
            return
        }
        #expect(bench.handedOn.isEmpty)
        try bench.settle()
        #expect(bench.handedOn.map(\.sends.count) == [1])
        #expect(bench.record.workflows.count == 1)
        #expect(bench.replies[token]?.count == 1)
    }

    @Test("a commit of unknown outcome that did not go through is done again, under another id; it goes out once")
    func unknownAndLost() throws {
        var bench = try DoorBench()
        let token = bench.call(.create(bench.creation()))
        let save = try bench.untilCommit()
        bench.tell(.failed(.unknownOutcome("connection lost")))
        try bench.answer()
        let again = try bench.untilCommit()
        #expect(again.id != save.id)
        #expect(bench.handedOn.isEmpty)
        // The first one can't come through late: its id is taken.
        #expect(throws: BatchError.self) { try bench.record.commit(save, session: 1, at: save.now) }
        try bench.settle()
        #expect(bench.handedOn.map(\.sends.count) == [1])
        #expect(bench.record.workflows.count == 1)
        #expect(bench.replies[token]?.count == 1)
    }

    @Test("while the record is away the outcome stays unknown: new callers are turned away, nothing is repeated")
    func unknownWhileAway() throws {
        var bench = try DoorBench()
        let token = bench.call(.create(bench.creation()))
        let save = try bench.untilCommit()
        _ = try bench.record.commit(save, session: 1, at: save.now)
        bench.tell(.failed(.unknownOutcome("connection lost")))
        for _ in 1...3 {
            bench.tell(.failed(.away("refused")))
            guard case .probe? = bench.request else {
                Issue.record("the record has to be waited for: \(String(describing: bench.request))")
                return
            }
            bench.tell(.reachable(false))
            bench.tell(.reachable(true))
            guard case .lookUp(save.id)? = bench.request else {
                Issue.record("the outcome has to be looked up: \(String(describing: bench.request))")
                return
            }
        }
        bench.tell(.failed(.away("refused")))
        let late = bench.call(.create(bench.creation()))
        guard case .unavailable? = bench.replies[late].only else {
            Issue.record("expected to be turned away: \(bench.replies)")
            return
        }
        guard case .unavailable(let reason)? = bench.replies[token].only, reason.contains("Idempotency-Key") else {
            Issue.record("who waits is told that it is unknown, once: \(bench.replies)")
            return
        }
        try bench.settle()
        #expect(bench.replies[token]?.count == 1)
        #expect(bench.handedOn.count == 1)
        #expect(bench.record.workflows.count == 1)
    }

    @Test("who was told that the outcome is unknown repeats the request: it is not done again here; results are")
    func unknownThenLost() throws {
        var bench = try DoorBench(stages: 1)
        let id = try bench.create()
        bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]))
        _ = try bench.untilCommit()
        let ahead = bench.call(.create(bench.creation()))
        bench.tell(.failed(.unknownOutcome("connection lost")))
        bench.tell(.failed(.away("refused")))
        #expect(bench.replies[ahead]?.count == 1, "what waits behind is turned away")
        try bench.settle()
        #expect(bench.record.workflows[id]?.summary.status == "completed")
        let token = bench.call(.create(bench.creation()))
        _ = try bench.untilCommit()
        bench.tell(.failed(.unknownOutcome("connection lost")))
        bench.tell(.failed(.away("refused")))
        try bench.settle()
        #expect(bench.replies[token]?.count == 1)
        #expect(bench.record.workflows.count == 1)
        #expect(bench.core.isIdle)
    }

    @Test("a batch that the record refuses is halved until the culprit is found; the others go through")
    func bisection() throws {
        var bench = try DoorBench(stages: 1)
        let ids = try (1...7).map { _ in try bench.create() }
        let results = try ids.enumerated().map { index, id in
            bench.result(of: try bench.open(id), entry: "\(index)-0")
        }
        let culprit = ids[4]
        bench.tell(.submitted(results))
        for _ in 1...200 where bench.request != nil {
            if case .commit(let save)? = bench.request, save.states.contains(where: { $0.id == culprit }) {
                bench.tell(.failed(.refused("invalid byte sequence")))
            } else {
                try bench.answer()
            }
        }
        #expect(bench.record.workflows.values.filter { $0.summary.status == "completed" }.count == 6)
        #expect(bench.record.deadLetters.map(\.workflowID) == [culprit])
        #expect(bench.handedOn.flatMap(\.acknowledgements).sorted() == (0...6).map { "\($0)-0" })
        #expect(bench.core.isIdle)
    }

    @Test("a caller whose data the record refuses is told so, alone")
    func refusedCaller() throws {
        var bench = try DoorBench()
        var tokens = [bench.call(.create(bench.creation(named: "first")))]
        for name in ["good", "bad", "fine"] { tokens.append(bench.call(.create(bench.creation(named: name)))) }
        for _ in 1...200 where bench.request != nil {
            if case .commit(let save)? = bench.request, save.created.contains(where: { $0.facts.name == "bad" }) {
                bench.tell(.failed(.refused("too large")))
            } else {
                try bench.answer()
            }
        }
        let refused = tokens.filter { token in
            if case .refused? = bench.replies[token].only { return true }
            return false
        }
        #expect(refused == [tokens[2]])
        #expect(bench.record.workflows.count == 3)
    }

    @Test("a dead letter that can't be kept is tried again; its result is acknowledged only once it is kept")
    func letterWaits() throws {
        var bench = try DoorBench(stages: 1)
        let id = try bench.create()
        let handedOn = bench.handedOn.count
        bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]))
        _ = try bench.untilCommit()
        bench.tell(.failed(.refused("no")))
        guard case .keep? = bench.request else {
            Issue.record("expected a dead letter")
            return
        }
        bench.tell(.failed(.away("gone")))
        #expect(bench.handedOn.count == handedOn)
        guard case .pause? = bench.request else {
            Issue.record("expected a pause")
            return
        }
        bench.tell(.paused)
        _ = try bench.untilCommit()
        bench.tell(.failed(.refused("no")))
        try bench.settle()
        #expect(bench.handedOn.flatMap(\.acknowledgements) == ["1-0"])
        #expect(bench.record.deadLetters.count == 1)
    }

    @Test("a result that the record refuses ends its attempt as a failure that counts, so that it is not sent for ever")
    func refusedResult() throws {
        var bench = try DoorBench(stages: 1)
        let id = try bench.create()
        bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]))
        _ = try bench.untilCommit()
        bench.tell(.failed(.refused("invalid byte sequence")))
        try bench.settle()
        let row = try #require(bench.record.tasks.values.first { $0.key.workflowID == id })
        #expect(row.status == .failed && row.faultCode == "RESULT_REFUSED" && row.result == nil)
        #expect(bench.record.events[id]?.contains { $0.record.kind == .retryScheduled } == true)
    }

    @Test("the record is away: callers are told at once, results wait and are applied when it is back")
    func recordAway() throws {
        var bench = try DoorBench(stages: 1)
        let id = try bench.create()
        bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]))
        let waiting = bench.call(.create(bench.creation()))
        bench.tell(.failed(.away("refused")))
        guard case .unavailable? = bench.replies[waiting].only else {
            Issue.record("who waits is told: \(bench.replies)")
            return
        }
        let late = bench.call(.create(bench.creation()))
        guard case .unavailable? = bench.replies[late].only else {
            Issue.record("who comes is told: \(bench.replies)")
            return
        }
        #expect(bench.core.backlog == 1)
        #expect(!bench.core.admission.isRecordReachable)
        bench.tell(.paused)
        for _ in 1...5 { bench.tell(.reachable(false)) }
        bench.tell(.reachable(true))
        try bench.settle()
        #expect(bench.record.workflows[id]?.summary.status == "completed")
        #expect(bench.reports.contains(.recordBack))
    }

    @Test("a workflow that another holds goes to the next batch, and is waited for after three misses")
    func misses() throws {
        var bench = try DoorBench(stages: 1)
        let id = try bench.create()
        let result = bench.result(of: try bench.open(id), entry: "1-0")
        _ = bench.record.begin(
            BatchRequest(workflows: [id], waits: false, factsOf: [], keys: []), session: 2, at: .now())
        bench.tell(.submitted([result]))
        var waits: [Bool] = []
        for _ in 1...4 {
            guard case .begin(let request)? = bench.request else { break }
            waits.append(request.waits)
            if request.waits { bench.record.abandon(session: 2) }
            try bench.answer()
        }
        #expect(waits == [false, false, false, true])
        try bench.settle()
        #expect(bench.record.workflows[id]?.summary.status == "completed")
    }

    @Test("the same idempotency key twice in a batch makes one workflow; a failed try before changes nothing of that")
    func sameKey() throws {
        var bench = try DoorBench()
        let ahead = bench.call(.create(bench.creation()))
        let first = bench.call(.create(bench.creation(key: "k", bodyHash: "a")))
        let second = bench.call(.create(bench.creation(key: "k", bodyHash: "a")))
        let third = bench.call(.create(bench.creation(key: "k", bodyHash: "b")))
        while bench.replies[ahead] == nil { try bench.answer() }
        _ = try bench.untilCommit()
        bench.tell(.failed(.repeatable("deadlock")))
        try bench.settle()
        guard case .created(let created)? = bench.replies[first].only,
            case .repeated(created.id)? = bench.replies[second].only,
            case .keyReused(created.id)? = bench.replies[third].only
        else {
            Issue.record("unexpected answers: \(bench.replies)")
            return
        }
        #expect(bench.record.workflows.count == 2)
    }

    @Test("a batch that the database wants repeated is tried five times, then its members alone")
    func repeats() throws {
        var bench = try DoorBench()
        let token = bench.call(.create(bench.creation()))
        var tries = 0
        while bench.replies[token] == nil {
            if case .commit? = bench.request {
                tries += 1
                bench.tell(.failed(.repeatable("deadlock")))
            } else {
                try bench.answer()
            }
        }
        #expect(tries == 5)
        guard case .refused? = bench.replies[token].only else {
            Issue.record("expected a refusal: \(bench.replies)")
            return
        }
    }

    @Test("told to stop, the batch at hand is the last one; every caller is answered once")
    func stop() throws {
        var bench = try DoorBench()
        let first = bench.call(.create(bench.creation()))
        let second = bench.call(.create(bench.creation()))
        bench.tell(.stop)
        let third = bench.call(.create(bench.creation()))
        #expect(!bench.hasEnded)
        try bench.settle()
        #expect(bench.hasEnded)
        #expect(bench.record.workflows.count == 1)
        for token in [first, second, third] { #expect(bench.replies[token]?.count == 1) }
        guard case .created? = bench.replies[first].only, case .unavailable? = bench.replies[second].only else {
            Issue.record("unexpected answers: \(bench.replies)")
            return
        }
    }

    @Test("a full door turns callers away with a time to come again, but takes results")
    func overload() throws {
        var bench = try DoorBench(stages: 1)
        let id = try bench.create()
        let result = bench.result(of: try bench.open(id), entry: "1-0")
        bench.tell(.submitted(Array(repeating: result, count: Admission.countLimit + 1000)))
        let token = bench.call(.create(bench.creation()))
        guard case .overloaded(let seconds)? = bench.replies[token].only else {
            Issue.record("expected to be turned away: \(bench.replies)")
            return
        }
        #expect(seconds > 0)
        #expect(bench.core.backlog == Admission.countLimit + 1000 - 300)
    }

    @Test("outputs that events read are fetched inside the transaction")
    func outputs() throws {
        var bench = try DoorBench(stages: 3)
        let id = try bench.create()
        for index in 1...3 {
            bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "\(index)-0", output: ["n": 1])]))
            try bench.settle()
        }
        #expect(bench.record.workflows[id]?.summary.status == "completed")
        #expect(bench.record.outputs.count == 3)
    }
}
