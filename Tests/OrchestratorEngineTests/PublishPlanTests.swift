import AgentProtocol
import JSONTools
import OrchestratorEngine
import Testing
import WorkflowCore
import WorkflowStorage

@Suite("What a committed batch leaves to do, as values")
struct PublishPlanTests {
    private func plan(_ effects: BatchEffects, at monotonic: Int64) -> PublishPlan {
        var entropy = EntropySource(seed: 1)
        return PublishPlan(
            effects, monotonic: monotonic, now: Timestamp(microseconds: 0), entropy: &entropy,
            envelopes: EnvelopeFactory(orchestrator: "o", dataDirectory: "/nowhere"), names: ChannelNames())
    }

    private func name(_ action: PublishPlan.Action) -> String {
        String(describing: action).prefix { $0 != "(" }.description
    }

    @Test("sends, acknowledgements and control messages go out together, everything else after them in order")
    func order() throws {
        var bench = try DoorBench(stages: 2)
        let id = try bench.create()
        bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]))
        try bench.settle()
        let plan = plan(try #require(bench.handedOn.last), at: 0)
        #expect(plan.before.map(name) == ["noteClosed"])
        #expect(plan.together.map(name) == ["send", "acknowledge", "control"])
        #expect(plan.after.map(name) == ["noteSummaries", "notify", "announce"])
        #expect(plan.dropped == 0)
    }

    @Test(
        "tasks of a batch that began more than 3 s ago are left to the relay; its results are acknowledged all the same"
    )
    func tooOld() throws {
        var bench = try DoorBench(stages: 2)
        let id = try bench.create()
        bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]), at: 1000)
        try bench.settle()
        var effects = try #require(bench.handedOn.last)
        effects.begunAt = 1000
        #expect(plan(effects, at: 4000).together.map(name) == ["send", "acknowledge", "control"])
        let late = plan(effects, at: 4001)
        #expect(late.together.map(name) == ["acknowledge", "control"])
        #expect(late.dropped == 1)
    }

    @Test("a mark waits a second, and is never written if its task was closed meanwhile")
    func marks() {
        var core = DeferredCore()
        let sends = (1...3).map { number in
            PublishedSend(
                workflowID: UniqueID(high: 1, low: 1),
                reference: AttemptReference(
                    taskID: UniqueID(high: 2, low: UInt64(number)), attempt: 1, dispatchID: UInt64(number)),
                entryID: "\(number)-0")
        }
        core.note(published: Array(sends[..<2]), at: 0)
        core.note(published: [sends[2]], at: 500)
        core.note(closed: [sends[0].reference.taskID])
        #expect(core.takeDue(at: 999).published.isEmpty)
        let due = core.takeDue(at: 1000).published
        #expect(due.map(\.entryID) == ["2-0"])
        core.putBack(published: due, at: 1000)
        #expect(core.takeDue(at: 1500).published.map(\.entryID) == ["3-0"])
        #expect(core.takeDue(at: 1500, all: true).published.map(\.entryID) == ["2-0"])
        #expect(core.isEmpty)
    }

    @Test("a row that could not be written doesn't replace a newer one")
    func summaries() throws {
        let bench = try DoorBench(stages: 1)
        let machine = WorkflowMachine(
            definition: bench.definition,
            facts: WorkflowFacts(
                id: UniqueID(high: 1, low: 1), type: "chain", name: "n", description: "", requirements: "",
                priority: .medium, input: .object([:]), traceID: "t"))
        var core = DeferredCore()
        core.note(summaries: [WorkflowSummary(of: machine, version: 1)])
        let old = core.takeDue(at: 0).summaries
        core.note(summaries: [WorkflowSummary(of: machine, version: 2)])
        core.putBack(summaries: old)
        #expect(core.takeDue(at: 0).summaries.map(\.version) == [2])
    }

    @Test("a row that a batch has brought up to date is not refreshed")
    func current() throws {
        var bench = try DoorBench(stages: 2)
        let id = try bench.create()
        var core = DeferredCore()
        for _ in 1...2 {
            bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]))
            try bench.settle()
            let effects = try #require(bench.handedOn.last)
            core.note(summaries: effects.summaries)
            core.note(current: effects.current)
            #expect(core.isEmpty == effects.summaries.isEmpty)
        }
        #expect(bench.handedOn.last?.current == [id], "its end was written by the batch")
        #expect(plan(try #require(bench.handedOn.last), at: 0).before.map(name) == ["noteClosed", "noteCurrent"])
        #expect(core.isEmpty)
    }
}
