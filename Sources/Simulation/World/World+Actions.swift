import AgentProtocol
import AgentRuntime
import JSONTools

/// What agents do with their tasks, by script.
extension World {
    func begin(_ envelope: TaskEnvelope, of index: Int) {
        guard let agent = agents[index] else { return }
        let script = script(of: envelope)
        let number = count("actions")
        let reference = envelope.reference
        agents[index]?.actions[reference] = AgentProcess.RunningAction(
            envelope: envelope, script: script, number: number)
        if judge.noteBegin(reference) {
            complain("begun-once", "\(agent.id) begins a send of \(envelope.stage) that was begun before")
        }
        trace(
            "\(agent.name)",
            "begins \(envelope.workflowContext.workflowName) \(envelope.stage) #\(envelope.attempt): "
                + "\(script.ending) in \(script.milliseconds) ms")
        let isHalf = script.ending == .exclusive || script.ending == .poison
        let span = script.milliseconds * 1000
        schedule(after: isHalf ? span / 2 : span, for: agent.name) { world in
            guard let action = world.agents[index]?.actions[reference], action.number == number, !action.isStopped
            else { return }
            switch script.ending {
            case .hang, .stubborn: break
            case .poison:
                world.trace("\(agent.name)", "is killed by its task")
                world.crash(.agent(index), for: 2000)
            case .exclusive: world.step(agent: index, .grantRequested(reference))
            case .success, .failure, .partial, .questions, .unstorable: world.end(reference, of: index)
            }
        }
    }

    /// The grant was given: what can't be undone begins.
    func granted(_ reference: TaskReference, of index: Int) {
        guard let agent = agents[index], let action = agent.actions[reference], !action.isStopped else { return }
        trace("\(agent.name)", "does what can't be undone")
        judgeGrant(reference, of: agent)
        schedule(after: action.script.milliseconds * 500, for: agent.name) { $0.end(reference, of: index) }
    }

    private func end(_ reference: TaskReference, of index: Int) {
        guard let agent = agents[index], let action = agent.actions[reference], !action.isStopped else { return }
        agents[index]?.actions[reference] = nil
        judge.noteEnd(reference, at: now)
        step(agent: index, .finished(reference, result: result(of: action, by: agent)))
    }

    func stop(_ reference: TaskReference, _ reason: StopReason, of index: Int) {
        guard let agent = agents[index], let action = agent.actions[reference], !action.isStopped else { return }
        agents[index]?.actions[reference]?.isStopped = true
        trace("\(agent.name)", "is told to stop \(action.envelope.stage) #\(action.envelope.attempt): \(reason)")
        let delay = action.script.ending == .stubborn ? 30_000_000 : number(1000...2_000_000)
        schedule(after: delay, for: agent.name) { world in
            guard world.agents[index]?.actions[reference]?.number == action.number else { return }
            world.agents[index]?.actions[reference] = nil
            if let result = world.result(of: action.envelope, stopped: reason, by: agent) {
                world.step(agent: index, .finished(reference, result: result))
            } else {
                world.step(agent: index, .abandoned(reference))
            }
        }
    }

    // MARK: Results

    private func script(of envelope: TaskEnvelope) -> ActionScript {
        ActionScript(
            seed: scenario.seed, workflow: envelope.workflowContext.workflowName, stage: envelope.stage,
            generation: envelope.generation, attempt: envelope.attempt, isAnswered: !envelope.answers.isEmpty,
            isSlow: scenario.isSlow)
    }

    /// The result of an action that needs no running: of the shortest ones.
    func immediateResult(of envelope: TaskEnvelope, by agent: AgentProcess) -> [UInt8]? {
        let script = script(of: envelope)
        switch script.ending {
        case .success, .failure, .partial, .questions, .unstorable:
            guard script.milliseconds <= 40 else { return nil }
            return result(of: AgentProcess.RunningAction(envelope: envelope, script: script, number: 0), by: agent)
        case .hang, .stubborn, .poison, .exclusive: return nil
        }
    }

    func result(of envelope: TaskEnvelope, stopped reason: StopReason, by agent: AgentProcess) -> [UInt8]? {
        switch reason {
        case .cancelled: return result(of: envelope, .cancelled, by: agent).encoded()
        case .timedOut:
            var result = result(of: envelope, .failure, by: agent)
            result.errors = [TaskFault(code: "TIMEOUT", message: "too long", retryable: true)]
            return result.encoded()
        case .shutdown: return nil
        }
    }

    private func result(of action: AgentProcess.RunningAction, by agent: AgentProcess) -> [UInt8] {
        var result = result(of: action.envelope, .success, by: agent)
        result.output = ["n": .integer(action.script.number)]
        switch action.script.ending {
        case .success, .exclusive, .hang, .stubborn, .poison: break
        case .failure(let isRetryable):
            result.status = .failure
            result.errors = [TaskFault(code: "SCRIPTED", message: "by script", retryable: isRetryable)]
        case .partial: result.status = .partial
        case .questions:
            result.status = .needsInput
            result.questions = [Question(id: "q1", text: "Which one?", options: [])]
        case .unstorable: result.output["text"] = .string(ActionScript.unstorable)
        }
        return result.encoded()
    }

    private func result(
        of envelope: TaskEnvelope, _ status: TaskResult.Status, by agent: AgentProcess
    ) -> TaskResult {
        let time = wallTime(agent.name.host)
        return TaskResult(
            messageID: UniqueID.v7(at: time, using: &random), taskID: envelope.taskID,
            workflowID: envelope.workflowID, attempt: envelope.attempt, dispatchID: envelope.dispatchID,
            agentID: agent.id, agentType: agent.type, stage: envelope.stage, status: status, startedAt: time,
            completedAt: time)
    }
}
