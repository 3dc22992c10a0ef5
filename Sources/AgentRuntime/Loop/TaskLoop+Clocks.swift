import AgentProtocol
import JSONTools

extension TaskLoop {
    /// The road is open: says what this agent is and does, and sends what could not be sent.
    mutating func connect(_ now: LoopMoment, _ effects: inout [Effect]) {
        isConnected = true
        lastRegistration = nil
        register(now, &effects)
        beat(now, &effects)
        resend(now, &effects)
        for (reference, task) in runningInOrder where task.grantAskedAt != nil {
            running[reference]?.grantAskedAt = now.elapsed
            effects.append(.signal(grantRequest(reference, now)))
        }
    }

    /// Does what has become due.
    mutating func tick(_ now: LoopMoment, _ effects: inout [Effect]) {
        for (reference, task) in runningInOrder {
            if let stop = task.stop {
                giveUpIfOverdue(reference, task, stop, now, &effects)
                continue
            }
            if now.elapsed >= task.deadline {
                stop(reference, .timedOut, now, &effects)
                continue
            }
            guard isConnected else { continue }
            if !task.isAnnounced, now.elapsed - task.startedAt >= limits.startedAfter {
                running[reference]?.isAnnounced = true
                let started = StartedSignal(agentID: agentID, sentAt: now.wall, reference: reference)
                effects.append(.signal(.started(started)))
            }
            if let asked = task.grantAskedAt, now.elapsed - asked >= limits.grantRetry {
                running[reference]?.grantAskedAt = now.elapsed
                effects.append(.signal(grantRequest(reference, now)))
            }
        }
        drain(now, &effects)
        guard isConnected, phase != .left else { return }
        // Leaving takes less than a lease; a list without what was just given up would pass for a loss.
        if case .stopping = phase { return }
        if now.elapsed >= nextHeartbeat { beat(now, &effects) }
        if now.elapsed >= nextResendCheck { resend(now, &effects) }
    }

    /// Whether something may become due soon, so that the clock should be looked at often.
    package var isBusy: Bool { !running.isEmpty || phase != .working || claimBackoff != .zero }

    private mutating func beat(_ now: LoopMoment, _ effects: inout [Effect]) {
        guard isConnected, phase != .left else { return }
        let tasks = runningInOrder.map(\.value)
        let listed = held.values.sorted { $0.number < $1.number }.prefix(limits.listedHeld)
        let heartbeat = HeartbeatSignal(
            agentID: agentID,
            sentAt: now.wall,
            running: tasks.filter { $0.stop?.isAnswered != true }.map { task in
                RunningTask(reference: task.task.envelope.reference, progress: task.progress, note: task.note)
            },
            held: listed.map(\.order.reference),
            freeSlots: freeSlots
        )
        effects.append(.signal(.heartbeat(heartbeat)))
        nextHeartbeat = now.elapsed + (tasks.map { interval(of: $0.task) }.min() ?? limits.heartbeat)
    }

    /// Sends again what was not sent, and what should long have been settled by an orchestrator that is there.
    private mutating func resend(_ now: LoopMoment, _ effects: inout [Effect]) {
        nextResendCheck = now.elapsed + limits.retry
        var due: [Held] = []
        for result in held.values {
            switch result.state {
            case .reporting:
                break
            case .unsent(let since):
                if now.elapsed - since >= limits.retry { due.append(result) }
            case .reported(let at):
                // While no orchestrator is there to settle anything, results wait on their stream.
                guard let lastHeard, lastHeard > at, now.elapsed - at >= result.resendAfter else { continue }
                due.append(result)
            }
        }
        guard !due.isEmpty else { return }
        due.sort { $0.number < $1.number }
        for result in due {
            let reference = result.order.reference
            held[reference]?.state = .reporting
            if case .reported = result.state {
                held[reference]?.resendAfter = min(result.resendAfter * 2, limits.longestResend)
            }
        }
        effects.append(.report(due.map(\.order)))
    }

    private mutating func giveUpIfOverdue(
        _ reference: TaskReference, _ task: Running, _ stop: Running.Stop, _ now: LoopMoment, _ effects: inout [Effect]
    ) {
        guard !stop.isGivenUp, now.elapsed - stop.since >= limits.stopGrace else { return }
        switch stop.reason {
        case .cancelled, .timedOut:
            running[reference]?.stop?.isGivenUp = true
            effects.append(.giveUp(task.task.envelope, stop.reason))
            effects.append(.warn("\(reference) was told to stop and still runs; its slot stays taken until it ends"))
        case .shutdown:
            break  // It is listed as abandoned when the agent leaves.
        }
    }

    private mutating func drain(_ now: LoopMoment, _ effects: inout [Effect]) {
        guard case .draining(let since) = phase, now.elapsed - since >= limits.drain else { return }
        phase = .stopping(since: now.elapsed)
        for (reference, _) in runningInOrder { stop(reference, .shutdown, now, &effects) }
    }
}
