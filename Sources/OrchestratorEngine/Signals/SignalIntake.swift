import AgentProtocol
import JSONTools
public import Logging
public import TaskTransport
import WorkflowCore
public import WorkflowStorage

/// Reads what agents say, keeps the registry in step, answers. What it means is decided by ``SignalDesk``.
public final class SignalIntake: Sendable {
    private let bus: any TaskBus
    private let store: any WatchStore
    private let advancer: Advancer
    private let monitor: RoadMonitor
    private let heartbeatMilliseconds: Int
    private let logger: Logger

    /// An intake that answers through `bus`.
    public init(
        bus: any TaskBus, store: any WatchStore, advancer: Advancer, monitor: RoadMonitor,
        heartbeatMilliseconds: Int, logger: Logger
    ) {
        self.bus = bus
        self.store = store
        self.advancer = advancer
        self.monitor = monitor
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.logger = logger
    }

    /// Takes one batch of entries; they are acknowledged by whoever calls once this returns.
    ///
    /// - Throws: `BatchError` if the record is away; then the same batch has to be taken again.
    func take(_ entries: [InboundMessage], isStale: Bool) async throws(BatchError) {
        var signals: [AgentSignal] = []
        var letters: [DeadLetter] = []
        for entry in entries {
            do throws(ProtocolError) {
                let signal = try AgentSignal(decoding: entry.bytes)
                // A heartbeat of long ago says nothing of what runs now, nor that its agent still lives.
                if isStale, case .heartbeat = signal { continue }
                signals.append(signal)
            } catch {
                letters.append(
                    DeadLetter(
                        kind: .message, source: "agent:signals", cause: error.code.rawValue, detail: "\(error)",
                        bytes: entry.bytes))
            }
        }
        try await register(signals)
        let known = try await store.beat(beats(in: signals))
        let open = try await openAttempts(concerning: signals)
        let desk = SignalDesk(
            heartbeatMilliseconds: heartbeatMilliseconds, judgesOmissions: monitor.hasListenedForALease)
        let decision = desk.decide(signals, open: open, known: Set(known.keys), now: .now())
        try await store.keep(letters + decision.deadLetters)
        await bus.mirror(letters + decision.deadLetters)
        await advancer.enqueue(decision.submissions)
        try await record(decision.abandonments)
        await answer(decision.answers, types: known, signals: signals)
        for grant in decision.grants {
            try await answerGrant(agentID: grant.agentID, row: grant.row, reference: grant.reference)
        }
        try await retire(signals)
    }

    private func register(_ signals: [AgentSignal]) async throws(BatchError) {
        var registrations: [String: AgentRegistration] = [:]
        for case .register(let signal) in signals {
            registrations[signal.agentID] = AgentRegistration(
                agentID: signal.agentID, agentType: signal.agentType, version: signal.agentVersion,
                actions: .array(
                    signal.actions.map { action in
                        [
                            "name": .string(action.name), "workspace": .string(action.workspace.rawValue),
                            "exclusive": .bool(action.exclusive), "input_schema": action.inputSchema,
                        ]
                    }), slots: signal.slots, host: signal.host, pid: Int64(signal.pid))
            logger.info(
                "agent registered", metadata: ["agent": "\(signal.agentID)", "slots": "\(signal.slots)"])
        }
        try await store.register(registrations.values.sorted { $0.agentID < $1.agentID })
    }

    private func beats(in signals: [AgentSignal]) -> [AgentBeat] {
        var latest: [String: AgentBeat] = [:]
        for case .heartbeat(let signal) in signals {
            latest[signal.agentID] = AgentBeat(
                agentID: signal.agentID, freeSlots: signal.freeSlots, running: signal.running.count)
        }
        return latest.values.sorted { $0.agentID < $1.agentID }
    }

    private func openAttempts(concerning signals: [AgentSignal]) async throws(BatchError) -> [OpenAttemptRow] {
        let named = try await store.openAttempts(taskIDs: SignalDesk.taskIDs(in: signals))
        let beating = signals.compactMap { signal -> String? in
            if case .heartbeat(let beat) = signal { return beat.agentID }
            return nil
        }
        let bound = try await store.openAttempts(boundTo: beating)
        let seen = Set(named.map(\.reference))
        return named + bound.filter { !seen.contains($0.reference) }
    }

    /// What leaving agents gave up is committed before they are noted as gone, or it would pass for a loss.
    private func record(_ abandonments: [Submission.Body]) async throws(BatchError) {
        guard !abandonments.isEmpty else { return }
        let failures = await withTaskGroup(of: String?.self) { group in
            for body in abandonments {
                group.addTask {
                    if case .unavailable(let reason) = await self.advancer.submit(body) { return reason }
                    return nil
                }
            }
            var reasons: [String] = []
            for await reason in group {
                if let reason { reasons.append(reason) }
            }
            return reasons
        }
        if let reason = failures.first { throw .away(reason) }
    }

    private func retire(_ signals: [AgentSignal]) async throws(BatchError) {
        var gone: [String] = []
        for case .goodbye(let goodbye) in signals {
            gone.append(goodbye.agentID)
            logger.info("agent left in good order", metadata: ["agent": "\(goodbye.agentID)"])
        }
        try await store.retire(gone)
    }

    private func answer(
        _ answers: [HeartbeatAcknowledgement], types: [String: String], signals: [AgentSignal]
    ) async {
        var typeOf = types
        for case .register(let signal) in signals { typeOf[signal.agentID] = signal.agentType }
        let messages = answers.map { answer in
            (
                agentType: typeOf[answer.agentID] ?? agentType(of: answer.agentID),
                message: ControlMessage.heartbeatAck(answer)
            )
        }
        await send(messages)
    }

    /// An exclusive action may begin once its binding is committed, and nobody else holds it.
    private func answerGrant(
        agentID: String, row: OpenAttemptRow?, reference: TaskReference
    ) async throws(BatchError) {
        if let row, row.agentID == nil {
            _ = await advancer.submit(
                .event(.taskStarted(row.reference, agentID: agentID), workflowID: row.workflowID))
        }
        let present = try await store.openAttempts(taskIDs: [reference.taskID]).first { $0.matches(reference) }
        let isGranted = present.map { $0.agentID == agentID && !$0.isStopping } ?? false
        let verdict: TaskVerdict.Verdict = isGranted ? .continue : .stop
        let answer = HeartbeatAcknowledgement(
            agentID: agentID, sentAt: .now(), known: true,
            tasks: [TaskVerdict(reference: reference, verdict: verdict)], granted: isGranted ? [reference] : [])
        await send([(agentType: agentType(of: agentID), message: .heartbeatAck(answer))])
    }

    private func send(_ messages: [(agentType: String, message: ControlMessage)]) async {
        guard !messages.isEmpty else { return }
        do {
            try await bus.control(messages)
        } catch {
            logger.warning("answers to agents could not be sent; they ask again", metadata: ["error": "\(error)"])
        }
    }

    /// The type in an agent's id (`scaffold-1f2e3d4c`), for agents that the record doesn't know.
    private func agentType(of agentID: String) -> String {
        guard let dash = agentID.lastIndex(of: "-") else { return agentID }
        return String(agentID[..<dash])
    }
}
