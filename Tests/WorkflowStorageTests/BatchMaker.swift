import JSONTools
@testable import WorkflowCore
@testable import WorkflowStorage

/// Makes batches of rows with known ids.
struct BatchMaker {
    let definition: WorkflowDefinition
    var entropy: EntropySource
    var now = Timestamp.now()

    init(_ definition: WorkflowDefinition, seed: UInt64 = 1) {
        self.definition = definition
        entropy = EntropySource(seed: seed)
    }

    mutating func id() -> UniqueID { UniqueID.v7(at: now, using: &entropy) }

    mutating func batch() -> BatchSave { BatchSave(id: id(), now: now) }

    func summary(_ id: UniqueID, version: Int64, status: String = "running") -> WorkflowSummary {
        let facts = WorkflowFacts(id: id, type: "chain", name: "a name", traceID: "00")
        var summary = WorkflowSummary(of: WorkflowMachine(definition: definition, facts: facts), version: version)
        summary.status = status
        summary.startedAt = now
        return summary
    }

    func state(_ id: UniqueID, version: Int64, bytes: [UInt8] = [1], isTerminal: Bool = false) -> BatchSave.State {
        BatchSave.State(
            id: id, definitionHash: definition.contentHash, version: version, isTerminal: isTerminal, bytes: bytes,
            nextWake: now + .seconds(3600))
    }

    func create(_ id: UniqueID, key: String? = nil, tenant: String = "default", in save: inout BatchSave) {
        save.created.append(
            NewWorkflow(
                facts: WorkflowFacts(id: id, type: "chain", name: "a name", traceID: "00"),
                definitionHash: definition.contentHash, definitionVersion: 1, tenant: tenant, createdBy: "ann",
                idempotencyKey: key, bodyHash: key.map { "hash of \($0)" }))
        save.createdSummaries.append(summary(id, version: 1))
        save.newStates.append(state(id, version: 1))
    }

    func task(_ workflowID: UniqueID, _ reference: AttemptReference) -> NewTask {
        NewTask(
            workflowID: workflowID, reference: reference, stage: "one", generation: 1, agentType: "scaffold",
            action: "noop", priority: .high, payload: [7, 8, 9])
    }

    func close(
        _ reference: AttemptReference, _ status: AttemptClosing.Status, keepsResult: Bool, of workflowID: UniqueID
    ) -> BatchSave.Closing {
        BatchSave.Closing(
            workflowID: workflowID,
            closing: AttemptClosing(
                taskID: reference.taskID, attempt: reference.attempt, status: status,
                faultCode: status == .succeeded ? nil : "BAD", agentID: keepsResult ? "scaffold-1" : nil,
                keepsResult: keepsResult), result: keepsResult ? [5] : nil)
    }

    func output(_ stage: String, generation: Int) -> StageAcceptance {
        StageAcceptance(
            stage: stage, generation: generation, output: ["n": 1], commit: "abc",
            artifacts: [["name": "a.txt", "type": "text/plain", "sha256": "00", "size_bytes": 3]])
    }

    func event(_ sequence: Int64) -> AuditRecord {
        AuditRecord(
            sequence: sequence, kind: .stageStarted, severity: .info, actor: "orchestrator", data: ["stage": "one"])
    }
}
