import AgentProtocol
import JSONTools

extension TaskLoop {
    /// Heeds what the orchestrator says, as far as it concerns this agent.
    mutating func heed(_ message: ControlMessage, _ now: LoopMoment, _ effects: inout [Effect]) {
        guard message.concerns(agentID) else { return }
        switch message {
        case .heartbeatAck(let acknowledgement):
            heed(acknowledgement, now, &effects)
        case .cancel(let cancel):
            end(cancel.reference, now, &effects)
        case .drain:
            isPaused = true
        case .logLevel(let change):
            effects.append(.logLevel(change.level))
        }
    }

    private mutating func heed(
        _ acknowledgement: HeartbeatAcknowledgement, _ now: LoopMoment, _ effects: inout [Effect]
    ) {
        lastHeard = now.elapsed
        effects.append(.heard)
        isPaused = acknowledgement.drain
        if let level = acknowledgement.logLevel { effects.append(.logLevel(level)) }
        for reference in acknowledgement.settled { settle(reference) }
        for task in acknowledgement.tasks {
            switch task.verdict {
            case .stop: end(task.reference, now, &effects)
            case .continue: break
            }
        }
        for reference in acknowledgement.granted {
            guard let task = running[reference], task.stop == nil, task.grantAskedAt != nil else { continue }
            running[reference]?.grantAskedAt = nil
            effects.append(.grant(reference))
        }
        if !acknowledgement.known { register(now, &effects) }
    }

    /// An attempt is not to go on, or not to begin. One that has ended already is answered by its result, which stays
    /// until it is settled: while its workflow stops the attempt is open, and without its result it would pass for lost.
    private mutating func end(_ reference: TaskReference, _ now: LoopMoment, _ effects: inout [Effect]) {
        if running[reference] != nil {
            stop(reference, .cancelled, now, &effects)
        } else if held[reference] == nil {
            cancelled.insert(reference)
        }
    }

    /// Says what this agent is, at most once a second.
    mutating func register(_ now: LoopMoment, _ effects: inout [Effect]) {
        guard isConnected, phase != .left else { return }
        if let lastRegistration, now.elapsed - lastRegistration < .seconds(1) { return }
        lastRegistration = now.elapsed
        var registration = registration
        registration.sentAt = now.wall
        effects.append(.signal(.register(registration)))
        nextHeartbeat = min(nextHeartbeat, now.elapsed)
    }
}
