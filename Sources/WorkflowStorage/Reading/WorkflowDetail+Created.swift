import WorkflowCore

extension WorkflowDetail {
    /// All that the record says about a workflow that was just recorded, without asking it.
    ///
    /// - Parameter livingAgents: how many agents of each type live.
    public init(_ created: CreatedWorkflow, livingAgents: [String: Int]) {
        let (workflow, facts, summary) = (created.workflow, created.workflow.facts, created.summary)
        row = WorkflowRow(
            id: facts.id, type: facts.type, definitionVersion: workflow.definitionVersion, name: facts.name,
            description: facts.description, requirements: facts.requirements, priority: facts.priority.rawValue,
            input: facts.input, traceID: facts.traceID, createdBy: workflow.createdBy, status: summary.status,
            currentStage: summary.currentStage, progress: summary.progress, fault: summary.fault,
            faultStage: summary.faultStage, createdAt: created.at, updatedAt: created.at,
            startedAt: summary.startedAt, completedAt: summary.completedAt)
        definitionHash = workflow.definitionHash
        state = created.state
        outputs = []
        newestAttempts = [:]
        for task in created.tasks {
            newestAttempts[task.stage] = TaskRow(
                workflowID: task.workflowID, taskID: task.reference.taskID, attempt: task.reference.attempt,
                stage: task.stage, generation: task.generation, agentType: task.agentType, action: task.action,
                status: task.isQueued ? .queued : .dispatched, dispatchID: task.reference.dispatchID,
                createdAt: created.at)
        }
        self.livingAgents = livingAgents
        now = created.at
    }
}
