import JSONTools
import WorkflowCore
import WorkflowStorage

/// A workflow as the API shows it: an item of a list, or all about one.
enum WorkflowDocument {
    /// An item of a list: the searchable row.
    static func item(_ row: WorkflowRow) -> JSONValue {
        .object(head(of: row))
    }

    /// All about one workflow.
    ///
    /// - Parameters:
    ///   - definition: the pinned definition.
    ///   - isRedisUp: whether tasks can reach agents at present.
    static func detail(_ detail: WorkflowDetail, definition: WorkflowDefinition, isRedisUp: Bool) -> JSONValue {
        let state = detail.state
        let machine = WorkflowMachine(
            definition: definition,
            facts: WorkflowFacts(
                id: detail.row.id, type: detail.row.type, name: detail.row.name, traceID: detail.row.traceID),
            state: state)
        let wait = WorkflowWait.find(in: detail, definition: definition, isRedisUp: isRedisUp)
        var document = head(of: detail.row)
        // The state is newer than the searchable row.
        document["status"] = .string(wait?.status ?? state.phase.rawValue)
        document["version"] = .integer(state.sequence)
        document["current_stage"] = JSONValue(machine.currentStage)
        document["progress"] = JSONValue(machine.progressPercent)
        document["started_at"] = JSONValue(state.startedAt)
        document["completed_at"] = JSONValue(state.endedAt)
        if let outcome = state.outcome {
            document["error"] = fault(outcome.fault, stage: outcome.stage, named: true)
        }
        document["waiting_for"] = wait?.document ?? .null
        document["questions"] = .array(state.phase.isTerminal ? [] : detail.questions.map(\.document))
        document["stages"] = .array(
            definition.stages.indices.map { stage(at: $0, of: detail, definition: definition) })
        return .object(document)
    }

    /// What a retry would run again.
    ///
    /// - Parameter plan: names of stages, in the order of the definition.
    static func retryPlan(
        _ plan: [String], from stage: String?, of detail: WorkflowDetail, definition: WorkflowDefinition
    ) -> JSONValue {
        let stages = zip(definition.stages, detail.state.stages)
        return [
            "dry_run": true, "workflow_id": JSONValue(detail.row.id), "version": .integer(detail.state.sequence),
            "from_stage": JSONValue(stage),
            "runs_again": .array(
                stages.filter { plan.contains($0.0.name) }.map { stage, state in
                    [
                        "name": .string(stage.name), "agent": .string(stage.agent),
                        "status": .string(state.phase.rawValue), "generation": JSONValue(state.generation + 1),
                    ]
                }),
            "keeps": .array(stages.filter { !plan.contains($0.0.name) }.map { .string($0.0.name) }),
        ]
    }

    private static func head(of row: WorkflowRow) -> JSONObject {
        [
            "id": JSONValue(row.id), "type": .string(row.type),
            "definition_version": JSONValue(row.definitionVersion), "name": .string(row.name),
            "description": .string(row.description), "requirements": .string(row.requirements),
            "status": .string(row.status), "current_stage": JSONValue(row.currentStage),
            "progress": JSONValue(row.progress), "priority": .string(row.priority), "input_data": row.input,
            "trace_id": .string(row.traceID), "created_by": .string(row.createdBy),
            "created_at": JSONValue(row.createdAt), "updated_at": JSONValue(row.updatedAt),
            "started_at": JSONValue(row.startedAt), "completed_at": JSONValue(row.completedAt),
            "error": row.fault.map { fault($0, stage: row.faultStage, named: true) } ?? .null,
        ]
    }

    private static func stage(
        at index: Int, of detail: WorkflowDetail, definition: WorkflowDefinition
    ) -> JSONValue {
        let stage = definition.stages[index]
        let state = detail.state.stages[index]
        let output = detail.outputs.first { $0.stage == stage.name && $0.generation == state.generation }
        let attempt = detail.newestAttempts[stage.name].flatMap { $0.generation == state.generation ? $0 : nil }
        let isCompleted = state.phase == .completed
        var milliseconds: Int64?
        if let startedAt = state.startedAt, let endedAt = state.endedAt {
            milliseconds = max(0, endedAt.milliseconds - startedAt.milliseconds)
        }
        return [
            "name": .string(stage.name), "agent": .string(stage.agent), "action": .string(stage.action),
            "status": .string(state.phase.rawValue), "attempt": JSONValue(state.attempt),
            "generation": JSONValue(state.generation), "started_at": JSONValue(state.startedAt),
            "completed_at": JSONValue(state.endedAt), "duration_ms": JSONValue(milliseconds),
            "retry_at": JSONValue(state.retryAt),
            "output": isCompleted ? output?.output ?? .null : .null,
            "commit": JSONValue(state.commit),
            "error": state.fault.map { fault($0, stage: nil, named: false) } ?? .null,
            "artifacts": .array(isCompleted ? output?.artifacts ?? [] : []),
            "agent_id": JSONValue(state.open?.agentID ?? attempt?.agentID),
        ]
    }

    private static func fault(_ fault: WorkflowFault, stage: String?, named: Bool) -> JSONValue {
        var document: JSONObject = ["code": .string(fault.code), "message": .string(fault.message)]
        if named { document["stage"] = JSONValue(stage) }
        return .object(document)
    }
}
