package import AgentProtocol
package import JSONTools
package import TaskTransport
import WorkflowCore
package import WorkflowStorage

/// The handling of agents' signals as a value, one batch of entries at a time: register, note heartbeats, read what the
/// record has of the attempts named, decide (``SignalDesk``), keep what is garbage, submit, commit what was abandoned,
/// answer, grant, note who is gone. ``SignalIntake`` is the shell.
package struct SignalCore: Sendable {
    /// What happened.
    package enum Input: Sendable {
        /// Entries were read. Stale ones were read long ago, by an orchestrator that is gone. `judgesOmissions` tells
        /// whether silence proves anything at present; `now` is for the answers' `sent_at`.
        case received([InboundMessage], isStale: Bool, judgesOmissions: Bool, now: Timestamp)
        /// Heartbeats that were noted have waited long enough.
        case flush(judgesOmissions: Bool, now: Timestamp)
        case registered
        case beaten(BeatAnswer)
        /// The open attempts among the tasks asked for.
        case open([OpenAttemptRow])
        case kept
        /// What became of submissions, in their order.
        case submitted([SubmissionOutcome])
        case retired
        /// The record failed to do what it was asked for.
        case failed(BatchError)
    }

    /// What has to be done. The cases from `register` to `retire` are requests: each is answered by its input, or by
    /// `failed`, and a step returns at most one of them, as its last effect.
    package enum Effect: Sendable {
        /// Answered by `registered`.
        case register([AgentRegistration])
        /// Answered by `beaten`.
        case beat([AgentBeat])
        /// Answered by `open`.
        case readOpen([UniqueID])
        /// Answered by `kept`.
        case keep([DeadLetter])
        /// Answered by `submitted`, once all of them are committed or turned away.
        case submit([Submission.Body])
        /// Answered by `retired`.
        case retire([String])
        /// Show dead letters on Redis.
        case mirror([DeadLetter])
        /// Submit; nobody waits.
        case enqueue([Submission])
        /// Tell agents.
        case control([(agentType: String, message: ControlMessage)])
        /// Something that people should know.
        case report(SignalReport)
        /// The entries are done with and may be acknowledged.
        case finished
        /// The entries must not be acknowledged: they have to be taken again.
        case giveUp(BatchError)
    }

    /// A batch of signals on its way.
    private struct Work: Sendable {
        var signals: [AgentSignal] = []
        var letters: [DeadLetter] = []
        var judgesOmissions: Bool
        /// When the signals were received, or the oldest of those that were noted.
        var heardAt: Int64
        var now: Timestamp
        /// Type by id, of the agents that the record or the signals know.
        var types: [String: String] = [:]
        var known: Set<String> = []
        /// The agents among them that are to take no more tasks.
        var draining: Set<String> = []
        /// Answers to heartbeats that were noted.
        var quickAnswers: [(agentType: String, answer: HeartbeatAcknowledgement)] = []
        /// The heartbeats that the record is asked about, and those of them that had been noted.
        var asked: [AgentBeat] = []
        var flushed: [AgentBeat] = []
        var bound: [OpenAttemptRow] = []
        var decision = SignalDesk.Decision()
        /// How many grants were answered.
        var granted = 0
    }

    /// Where the batch at hand is; each waits for the answer to one request.
    private enum Phase: Sendable {
        case idle
        case registering(Work)
        case beating(Work)
        case reading(Work)
        case keeping(Work)
        case abandoning(Work)
        case binding(Work)
        case granting(Work)
        case retiring(Work)
    }

    private var phase = Phase.idle
    /// The time of the step, in milliseconds of a monotonic clock.
    private var monotonic: Int64 = 0
    /// Who is known; what it holds counts only once the batch has finished.
    package private(set) var registry: AgentRegistry?
    private let heartbeatMilliseconds: Int

    /// A core without a batch at hand.
    ///
    /// - Parameters:
    ///   - heartbeatMilliseconds: how often agents say that they live.
    ///   - registry: who is known already; nil to ask the record about every heartbeat.
    package init(heartbeatMilliseconds: Int, registry: AgentRegistry? = nil) {
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.registry = registry
    }

    /// Takes note of what happened.
    ///
    /// - Returns: what has to be done, in order.
    package mutating func step(_ input: Input, at monotonic: Int64) -> [Effect] {
        self.monotonic = monotonic
        var effects: [Effect] = []
        let present = phase
        phase = .idle
        switch (input, present) {
        case (.received(let entries, let isStale, let judgesOmissions, let now), .idle):
            var work = Work(judgesOmissions: judgesOmissions, heardAt: monotonic, now: now)
            decode(entries, isStale: isStale, into: &work)
            noteQuietBeats(&work, at: monotonic)
            register(work, into: &effects)
        case (.flush(let judgesOmissions, let now), .idle):
            beat(
                Work(judgesOmissions: judgesOmissions, heardAt: monotonic, now: now), isForced: true, into: &effects)
        case (.registered, .registering(let work)):
            beat(work, into: &effects)
        case (.beaten(let answer), .beating(var work)):
            work.types = answer.types
            work.known = Set(answer.types.keys)
            work.draining = answer.draining
            work.bound = answer.bound
            registry?.learn(answer.types, draining: answer.draining, of: work.asked)
            read(work, into: &effects)
        case (.open(let rows), .reading(let work)):
            decide(work, named: rows, into: &effects)
        case (.kept, .keeping(let work)):
            handOn(work, into: &effects)
        case (.submitted(let outcomes), .abandoning(let work)):
            if let reason = outcomes.lazy.compactMap(\.turnedAway).first {
                effects.append(.giveUp(.away(reason)))
            } else {
                answer(work, into: &effects)
            }
        case (.submitted, .binding(let work)):
            // Committed or not, the record tells who holds the attempt now.
            let grant = work.decision.grants[work.granted]
            phase = .granting(work)
            effects.append(.readOpen([grant.reference.taskID]))
        case (.open(let rows), .granting(let work)):
            answerGrant(work, open: rows, into: &effects)
        case (.retired, .retiring):
            effects.append(.finished)
        case (.failed(let error), .registering), (.failed(let error), .beating), (.failed(let error), .reading),
            (.failed(let error), .keeping), (.failed(let error), .granting), (.failed(let error), .retiring):
            effects.append(.giveUp(error))
        case (.received, _), (.flush, _), (.registered, _), (.beaten, _), (.open, _), (.kept, _), (.submitted, _),
            (.retired, _),
            (.failed, _):
            preconditionFailure("signals were told \(input) while in \(present)")
        }
        return effects
    }

    // MARK: The steps, in their order; each goes on to the next if it has nothing to ask.

    private func decode(_ entries: [InboundMessage], isStale: Bool, into work: inout Work) {
        for entry in entries {
            do throws(ProtocolError) {
                let signal = try AgentSignal(decoding: entry.bytes)
                // A heartbeat of long ago says nothing of what runs now, nor that its agent still lives.
                if isStale, case .heartbeat = signal { continue }
                work.signals.append(signal)
            } catch {
                work.letters.append(
                    DeadLetter(
                        kind: .message, source: "agent:signals", cause: error.code.rawValue, detail: "\(error)",
                        bytes: entry.bytes))
            }
        }
    }

    /// Heartbeats that list nothing, of agents that are known, are answered without the record.
    private mutating func noteQuietBeats(_ work: inout Work, at monotonic: Int64) {
        guard registry != nil else { return }
        work.signals.removeAll { signal in
            switch signal {
            case .heartbeat(let beat):
                guard let type = registry?.note(beat, at: monotonic) else { return false }
                work.quickAnswers.append(
                    (type, HeartbeatAcknowledgement(agentID: beat.agentID, sentAt: work.now, known: true)))
                return true
            case .register(let register):
                registry?.forget(register.agentID)
                return false
            case .goodbye(let goodbye):
                registry?.forget(goodbye.agentID)
                return false
            case .started, .grantRequest, .rejected:
                return false
            }
        }
    }

    private mutating func register(_ work: Work, into effects: inout [Effect]) {
        var registrations: [String: AgentRegistration] = [:]
        for case .register(let signal) in work.signals {
            registrations[signal.agentID] = AgentRegistration(signal)
            effects.append(.report(.registered(agentID: signal.agentID, slots: signal.slots)))
        }
        guard !registrations.isEmpty else { return beat(work, into: &effects) }
        phase = .registering(work)
        effects.append(.register(registrations.values.sorted { $0.agentID < $1.agentID }))
    }

    /// Records heartbeats, and those that were noted with them.
    private mutating func beat(_ work: Work, isForced: Bool = false, into effects: inout [Effect]) {
        var latest: [String: AgentBeat] = [:]
        for case .heartbeat(let signal) in work.signals {
            latest[signal.agentID] = AgentBeat(
                agentID: signal.agentID, freeSlots: signal.freeSlots, running: signal.running.count)
        }
        var work = work
        if !latest.isEmpty || isForced {
            work.heardAt = min(work.heardAt, registry?.notedSince ?? work.heardAt)
            for beat in registry?.takeNotes() ?? [] where latest[beat.agentID] == nil {
                latest[beat.agentID] = beat
                work.flushed.append(beat)
            }
        }
        guard !latest.isEmpty else { return read(work, into: &effects) }
        work.asked = latest.values.sorted { $0.agentID < $1.agentID }
        phase = .beating(work)
        effects.append(.beat(work.asked))
    }

    private mutating func read(_ work: Work, into effects: inout [Effect]) {
        let named = SignalDesk.taskIDs(in: work.signals)
        guard !named.isEmpty else { return decide(work, named: [], into: &effects) }
        phase = .reading(work)
        effects.append(.readOpen(named))
    }

    private mutating func decide(_ work: Work, named: [OpenAttemptRow], into effects: inout [Effect]) {
        var work = work
        let seen = Set(named.map(\.reference))
        // What was heard long ago, before we stood still, doesn't tell what runs now.
        let isFresh = monotonic - work.heardAt <= Int64(heartbeatMilliseconds)
        let desk = SignalDesk(
            heartbeatMilliseconds: heartbeatMilliseconds, judgesOmissions: work.judgesOmissions && isFresh)
        work.decision = desk.decide(
            work.signals, open: named + work.bound.filter { !seen.contains($0.reference) }, known: work.known,
            now: work.now)
        for index in work.decision.answers.indices
        where work.draining.contains(work.decision.answers[index].agentID) {
            work.decision.answers[index].drain = true
        }
        for beat in work.flushed {
            work.decision.submissions += desk.omissions(
                of: beat.agentID, bound: work.bound.filter { $0.agentID == beat.agentID }, listed: [])
        }
        let letters = work.letters + work.decision.deadLetters
        guard !letters.isEmpty else { return handOn(work, into: &effects) }
        phase = .keeping(work)
        effects.append(.keep(letters))
    }

    private mutating func handOn(_ work: Work, into effects: inout [Effect]) {
        let letters = work.letters + work.decision.deadLetters
        if !letters.isEmpty { effects.append(.mirror(letters)) }
        if !work.decision.submissions.isEmpty { effects.append(.enqueue(work.decision.submissions)) }
        // What leaving agents gave up is committed before they are noted as gone, or it would pass for a loss.
        guard !work.decision.abandonments.isEmpty else { return answer(work, into: &effects) }
        phase = .abandoning(work)
        effects.append(.submit(work.decision.abandonments))
    }

    private mutating func answer(_ work: Work, into effects: inout [Effect]) {
        var types = work.types
        for case .register(let signal) in work.signals { types[signal.agentID] = signal.agentType }
        var messages = work.quickAnswers.map {
            (agentType: $0.agentType, message: ControlMessage.heartbeatAck($0.answer))
        }
        for answer in work.decision.answers {
            messages.append(
                (
                    agentType: types[answer.agentID] ?? Self.agentType(of: answer.agentID),
                    message: .heartbeatAck(answer)
                ))
        }
        if !messages.isEmpty { effects.append(.control(messages)) }
        grant(work, into: &effects)
    }

    /// An exclusive action may begin once its binding is committed, and nobody else holds it.
    private mutating func grant(_ work: Work, into effects: inout [Effect]) {
        guard work.granted < work.decision.grants.count else { return retire(work, into: &effects) }
        let grant = work.decision.grants[work.granted]
        if let row = grant.row, row.agentID == nil {
            phase = .binding(work)
            effects.append(
                .submit([.event(.taskStarted(row.reference, agentID: grant.agentID), workflowID: row.workflowID)]))
        } else {
            phase = .granting(work)
            effects.append(.readOpen([grant.reference.taskID]))
        }
    }

    private mutating func answerGrant(_ work: Work, open: [OpenAttemptRow], into effects: inout [Effect]) {
        var work = work
        let grant = work.decision.grants[work.granted]
        let present = open.first { $0.matches(grant.reference) }
        let isGranted = present.map { $0.agentID == grant.agentID && !$0.isStopping } ?? false
        let verdict: TaskVerdict.Verdict = isGranted ? .continue : .stop
        let answer = HeartbeatAcknowledgement(
            agentID: grant.agentID, sentAt: work.now, known: true,
            tasks: [TaskVerdict(reference: grant.reference, verdict: verdict)],
            granted: isGranted ? [grant.reference] : [])
        effects.append(
            .control([(agentType: Self.agentType(of: grant.agentID), message: .heartbeatAck(answer))]))
        work.granted += 1
        self.grant(work, into: &effects)
    }

    private mutating func retire(_ work: Work, into effects: inout [Effect]) {
        var gone: [String] = []
        for case .goodbye(let goodbye) in work.signals {
            gone.append(goodbye.agentID)
            effects.append(.report(.left(agentID: goodbye.agentID)))
        }
        guard !gone.isEmpty else {
            effects.append(.finished)
            return
        }
        phase = .retiring(work)
        effects.append(.retire(gone))
    }

    /// The type in an agent's id (`scaffold-1f2e3d4c`), for agents that the record doesn't know.
    private static func agentType(of agentID: String) -> String {
        guard let dash = agentID.lastIndex(of: "-") else { return agentID }
        return String(agentID[..<dash])
    }
}

extension SubmissionOutcome {
    /// Why it was turned away though it may be let in later; nil if it was decided.
    fileprivate var turnedAway: String? {
        switch self {
        case .unavailable(let reason): reason
        case .overloaded: "too much is waiting to be recorded"
        case .done, .created, .repeated, .keyReused, .conflict, .unknownWorkflow, .refused, .rejected: nil
        }
    }
}

extension AgentRegistration {
    fileprivate init(_ signal: RegisterSignal) {
        self.init(
            agentID: signal.agentID, agentType: signal.agentType, version: signal.agentVersion,
            actions: .array(
                signal.actions.map { action in
                    [
                        "name": .string(action.name), "workspace": .string(action.workspace.rawValue),
                        "exclusive": .bool(action.exclusive), "input_schema": action.inputSchema,
                    ]
                }), slots: signal.slots, host: signal.host, pid: Int64(signal.pid))
    }
}
