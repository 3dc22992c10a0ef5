package import JSONTools

/// The twin sends everything at once so far: it has no queue to let go of.
extension InMemoryStore {
    package func releaseQueued(agentType: String, count: Int, turn: Int) async throws(BatchError) -> [ResentTask] { [] }

    package func loads(leaseMilliseconds: Int) async throws(BatchError) -> [AgentTypeLoad] { [] }

    package func evidence(of workflowIDs: [UniqueID]) async throws(BatchError) -> [WorkflowEvidence] { [] }
}
