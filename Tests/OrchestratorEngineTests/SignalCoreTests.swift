import AgentProtocol
import JSONTools
import OrchestratorEngine
import TaskTransport
import Testing
import WorkflowCore
import WorkflowStorage

@Suite("Agents' signals as a value")
struct SignalCoreTests {
    private static let now = Timestamp(microseconds: 1_700_000_000_000_000)
    private static let workflow = UniqueID(high: 1, low: 1)
    private let reference = TaskReference(
        taskID: UniqueID(high: 2, low: 1), attempt: 1, dispatchID: DispatchID(rawValue: 7))

    private func row(agent: String? = nil, isStopping: Bool = false) -> OpenAttemptRow {
        OpenAttemptRow(
            workflowID: Self.workflow,
            reference: AttemptReference(taskID: reference.taskID, attempt: 1, dispatchID: 7), stage: "s",
            agentType: "scaffold", priority: .medium, agentID: agent, isStopping: isStopping, ageMilliseconds: 1000,
            boundMilliseconds: agent == nil ? nil : 60_000)
    }

    private func entries(_ signals: [AgentSignal]) -> [InboundMessage] {
        signals.enumerated().map { InboundMessage(entryID: "\($0)-0", bytes: $1.encoded()) }
    }

    private func beat(running: [TaskReference] = [], held: [TaskReference] = []) -> AgentSignal {
        .heartbeat(
            HeartbeatSignal(
                agentID: "scaffold-1", sentAt: Self.now,
                running: running.map { RunningTask(reference: $0, progress: 0, note: "") }, held: held, freeSlots: 1))
    }

    /// Runs a batch of signals against a record that has `open`.
    ///
    /// - Returns: the names of all effects in their order, what agents were told, and what was submitted.
    private func run(
        _ signals: [AgentSignal], open: [OpenAttemptRow], judges: Bool = true, isStale: Bool = false,
        outcome: SubmissionOutcome = .done(SignalCoreTests.workflow), failing failure: String? = nil
    ) -> (order: [String], told: [HeartbeatAcknowledgement], submitted: [WorkflowEvent]) {
        var core = SignalCore(heartbeatMilliseconds: 5000)
        var order: [String] = []
        var told: [HeartbeatAcknowledgement] = []
        var submitted: [WorkflowEvent] = []
        var open = open
        var input: SignalCore.Input? = .received(
            entries(signals), isStale: isStale, judgesOmissions: judges, now: Self.now)
        while let present = input {
            input = nil
            for effect in core.step(present, at: 0) {
                var answer: SignalCore.Input?
                switch effect {
                case .register: (answer, _) = (.registered, order.append("register"))
                case .beat:
                    order.append("beat")
                    answer = .beaten(
                        BeatAnswer(
                            types: ["scaffold-1": "scaffold"], bound: open.filter { $0.agentID == "scaffold-1" }))
                case .readOpen(let ids):
                    order.append("read")
                    answer = .open(open.filter { ids.contains($0.reference.taskID) })
                case .keep: (answer, _) = (.kept, order.append("keep"))
                case .submit(let bodies):
                    order.append("submit")
                    for case .event(let event, _) in bodies {
                        submitted.append(event)
                        if case .taskStarted(_, let agentID) = event, case .done = outcome {
                            open = [row(agent: agentID)]
                        }
                    }
                    answer = .submitted(bodies.map { _ in outcome })
                case .retire: (answer, _) = (.retired, order.append("retire"))
                case .mirror: order.append("mirror")
                case .enqueue(let submissions):
                    order.append("enqueue")
                    for submission in submissions {
                        if case .event(let event, _) = submission.body { submitted.append(event) }
                    }
                case .control(let messages):
                    order.append("control")
                    for case .heartbeatAck(let acknowledgement) in messages.map(\.message) {
                        told.append(acknowledgement)
                    }
                case .report: break
                case .finished: order.append("finished")
                case .giveUp: order.append("giveUp")
                }
                if answer != nil { input = order.last == failure ? .failed(.away("gone")) : answer }
            }
        }
        return (order, told, submitted)
    }

    @Test("a heartbeat without tasks costs one question and one answer")
    func idleBeat() {
        let (order, told, submitted) = run([beat()], open: [])
        #expect(order == ["beat", "control", "finished"])
        #expect(told.map(\.known) == [true])
        #expect(submitted.isEmpty)
    }

    @Test("what a heartbeat lists is bound; what it no longer lists is lost, if silence proves anything")
    func binding() {
        #expect(run([beat(running: [reference])], open: [row()]).submitted.map(\.name) == [.taskStarted])
        #expect(run([beat()], open: [row(agent: "scaffold-1")]).submitted.map(\.name) == [.leaseExpired])
        #expect(run([beat()], open: [row(agent: "scaffold-1")], judges: false).submitted.isEmpty)
    }

    @Test("who runs what is not his is told to stop; a result that is no longer outstanding is settled")
    func verdicts() {
        let foreign = run([beat(running: [reference])], open: [row(agent: "scaffold-2")])
        #expect(foreign.told.first?.tasks.map(\.verdict) == [.stop])
        #expect(run([beat(held: [reference])], open: []).told.first?.settled == [reference])
        #expect(run([beat(held: [reference])], open: [row()]).told.first?.settled == [])
    }

    @Test("an agent that starts what is stopping, closed, or another's is told to stop at once")
    func started() {
        let signal: [AgentSignal] = [
            .started(StartedSignal(agentID: "scaffold-1", sentAt: Self.now, reference: reference))
        ]
        for open in [[], [row(isStopping: true)], [row(agent: "scaffold-2")]] {
            let (_, told, submitted) = run(signal, open: open)
            #expect(told.flatMap(\.tasks).map(\.verdict) == [.stop])
            #expect(submitted.isEmpty)
        }
        #expect(run(signal, open: [row()]).submitted.map(\.name) == [.taskStarted])
        #expect(run(signal, open: [row(agent: "scaffold-1")]).told.isEmpty)
    }

    @Test("what a leaving agent gave up is committed before it is noted as gone; if it can't be, all comes again")
    func goodbye() {
        let signals: [AgentSignal] = [
            .goodbye(GoodbyeSignal(agentID: "scaffold-1", sentAt: Self.now, abandoned: [reference]))
        ]
        let (order, _, submitted) = run(signals, open: [row(agent: "scaffold-1")])
        #expect(order == ["read", "submit", "retire", "finished"])
        #expect(submitted.map(\.name) == [.abandoned])
        for outcome in [SubmissionOutcome.unavailable("gone"), .overloaded(retryAfterSeconds: 1)] {
            #expect(run(signals, open: [row(agent: "scaffold-1")], outcome: outcome).order.last == "giveUp")
        }
    }

    @Test("a grant is given once the binding is committed, and only to the agent that is bound")
    func grants() {
        let ask: [AgentSignal] = [
            .grantRequest(GrantRequestSignal(agentID: "scaffold-1", sentAt: Self.now, reference: reference))
        ]
        let fresh = run(ask, open: [row()])
        #expect(fresh.order == ["read", "submit", "read", "control", "finished"])
        #expect(fresh.told.map(\.granted) == [[reference]])
        #expect(run(ask, open: [row(agent: "scaffold-1")]).told.map(\.granted) == [[reference]])
        #expect(run(ask, open: [row(agent: "scaffold-2")]).told.map(\.granted) == [[]])
        #expect(run(ask, open: [row(agent: "scaffold-1", isStopping: true)]).told.map(\.granted) == [[]])
        #expect(run(ask, open: [row()], outcome: .unavailable("gone")).told.map(\.granted) == [[]])
    }

    @Test("while the record is away nothing is acknowledged", arguments: ["beat", "read", "keep"])
    func recordAway(step: String) {
        let signals: [AgentSignal] = [
            beat(running: [reference]),
            .rejected(
                RejectedSignal(
                    agentID: "scaffold-1", sentAt: Self.now, stream: "s", entryID: "1-0", reason: "bad", bytes: [1])),
        ]
        let order = run(signals, open: [row()], failing: step).order
        #expect(order.last == "giveUp")
        #expect(!order.contains("control"))
    }

    @Test("a heartbeat that another orchestrator read long ago says nothing")
    func stale() {
        #expect(run([beat(running: [reference])], open: [row()], isStale: true).order == ["finished"])
    }

    /// Steps a core that has a registry through one input, answering `beat` with what is known and bound.
    private func step(
        _ core: inout SignalCore, _ first: SignalCore.Input, at monotonic: Int64, known: [String: String] = [:],
        bound: [OpenAttemptRow] = []
    ) -> (order: [String], asked: [String], told: [HeartbeatAcknowledgement], submitted: [Submission]) {
        var result: (order: [String], asked: [String], told: [HeartbeatAcknowledgement], submitted: [Submission]) =
            ([], [], [], [])
        var input: SignalCore.Input? = first
        while let present = input {
            input = nil
            for effect in core.step(present, at: monotonic) {
                switch effect {
                case .readOpen: input = .open([])
                case .beat(let beats):
                    result.order.append("beat")
                    result.asked += beats.map(\.agentID)
                    input = .beaten(BeatAnswer(types: known, bound: bound))
                case .control(let messages):
                    result.order.append("control")
                    for case .heartbeatAck(let answer) in messages.map(\.message) { result.told.append(answer) }
                case .enqueue(let submissions): result.submitted += submissions
                case .retire:
                    result.order.append("retire")
                    input = .retired
                case .finished: result.order.append("finished")
                default: result.order.append("other")
                }
            }
        }
        return result
    }

    @Test(
        "a known agent's empty heartbeat is answered at once and recorded later, with others; what it lost is found then"
    )
    func registry() {
        var core = SignalCore(heartbeatMilliseconds: 5000, registry: AgentRegistry(leaseMilliseconds: 15_000))
        let known = ["scaffold-1": "scaffold"]
        let beats = SignalCore.Input.received(
            entries([beat()]), isStale: false, judgesOmissions: true, now: Self.now)
        #expect(step(&core, beats, at: 0, known: known).order == ["beat", "control", "finished"])
        #expect(core.registry?.hasNotes == false)
        let second = step(&core, beats, at: 5000)
        #expect(second.order == ["control", "finished"])
        #expect(second.told.map(\.known) == [true])
        #expect(core.registry?.isDue(at: 5000) == 3750)
        #expect(core.registry?.isDue(at: 8750) == 0)
        let flush = SignalCore.Input.flush(judgesOmissions: true, now: Self.now)
        let third = step(&core, flush, at: 8750, known: known, bound: [row(agent: "scaffold-1")])
        #expect(third.asked == ["scaffold-1"])
        #expect(third.submitted.count == 1)
        #expect(core.registry?.hasNotes == false)
        // The record forgot it: the next heartbeat is asked about, and answered so.
        _ = step(&core, beats, at: 10_000)
        _ = step(&core, flush, at: 14_000)
        #expect(step(&core, beats, at: 15_000).told.map(\.known) == [false])
    }

    @Test("what a heartbeat omits is not judged when the record's answer comes long after it")
    func lateAnswer() {
        for (delay, lost) in [(5000, 1), (5001, 0)] as [(Int64, Int)] {
            var core = SignalCore(heartbeatMilliseconds: 5000)
            _ = core.step(
                .received(entries([beat()]), isStale: false, judgesOmissions: true, now: Self.now), at: 100)
            let effects = core.step(
                .beaten(BeatAnswer(types: ["scaffold-1": "scaffold"], bound: [row(agent: "scaffold-1")])),
                at: 100 + delay)
            let submitted = effects.flatMap { effect in
                if case .enqueue(let submissions) = effect { submissions } else { [] }
            }
            #expect(submitted.count == lost)
        }
    }

    @Test("a heartbeat that lists something is recorded at once, and what was noted with it; a goodbye forgets")
    func busyBeat() {
        var core = SignalCore(heartbeatMilliseconds: 5000, registry: AgentRegistry(leaseMilliseconds: 15_000))
        let known = ["scaffold-1": "scaffold", "scaffold-2": "scaffold"]
        func received(_ signals: [AgentSignal]) -> SignalCore.Input {
            .received(entries(signals), isStale: false, judgesOmissions: true, now: Self.now)
        }
        let other = AgentSignal.heartbeat(
            HeartbeatSignal(agentID: "scaffold-2", sentAt: Self.now, running: [], held: [], freeSlots: 1))
        _ = step(&core, received([beat(), other]), at: 0, known: known)
        _ = step(&core, received([other]), at: 1000)
        #expect(core.registry?.hasNotes == true)
        let busy = AgentSignal.heartbeat(
            HeartbeatSignal(
                agentID: "scaffold-1", sentAt: Self.now, running: [], held: [reference], freeSlots: 1))
        #expect(step(&core, received([busy]), at: 2000, known: known).asked == ["scaffold-1", "scaffold-2"])
        _ = step(&core, received([other]), at: 3000)
        _ = step(
            &core, received([.goodbye(GoodbyeSignal(agentID: "scaffold-2", sentAt: Self.now, abandoned: []))]), at: 3000
        )
        #expect(core.registry?.hasNotes == false, "who is gone doesn't beat any more")
    }
}
