import AgentProtocol
import TaskTransport
import WorkflowStorage

/// Rules on what may leave the road, and on who may do what can't be undone.
extension World {
    /// What is acknowledged must be recorded: from then on no stream has it, and its agent may forget it.
    ///
    /// - Parameter ids: entries of the results stream that are about to go.
    func judgeAcknowledgement(of ids: [String], by process: ProcessName) {
        for entry in redis.results.entries(ids) {
            do throws(ProtocolError) {
                let result = try TaskResult(decoding: entry.bytes)
                let key = InMemoryRecord.TaskKey(
                    workflowID: result.workflowID, taskID: result.taskID, attempt: result.attempt)
                guard let row = record.tasks[key], row.isOpen, row.dispatchID == result.dispatchID.rawValue,
                    row.agentID == nil || row.agentID == result.agentID, !judge.buried.contains(result.reference)
                else { continue }
                complain(
                    "acknowledged-once-recorded",
                    "\(process) acknowledged the result of \(judge.name(of: key.workflowID)) \(row.stage) "
                        + "#\(key.attempt), of which the record knows nothing")
            } catch {
                // Garbage belongs to no attempt.
            }
        }
    }

    /// Notes whether an agent that asks for a grant could still be given it at the time when its request arrives.
    func noteGrantRequest(_ request: GrantRequestSignal, of envelope: TaskEnvelope) {
        let key = InMemoryRecord.TaskKey(
            workflowID: envelope.workflowID, taskID: envelope.taskID, attempt: envelope.attempt)
        guard let row = record.tasks[key], row.isOpen, !row.isStopping,
            row.dispatchID == request.reference.dispatchID.rawValue,
            row.agentID == nil || row.agentID == request.agentID
        else { return }
        judge.noteRightfulRequest(request.reference)
    }

    /// Judges that an agent begins what can't be undone.
    func judgeGrant(_ reference: TaskReference, of agent: AgentProcess) {
        if judge.countIrreversible(reference) > 1 {
            complain("exclusive-once", "what can't be undone began again in attempt \(reference.attempt)")
        }
        guard !judge.isRightful(reference) else { return }
        let workflow = agent.actions[reference].map { judge.name(of: $0.envelope.workflowID) } ?? "?"
        complain(
            "granted-to-its-holder",
            "\(agent.id) does what can't be undone of \(workflow) #\(reference.attempt), which was over or another's "
                + "each time it asked")
    }
}
