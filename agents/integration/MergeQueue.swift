import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// One integration at a time for each target branch: the next is merged with, and tested on top of, what the one before
/// has published. It works between all agents of one data directory; between several, a branch that moved meanwhile is
/// noticed before the push, and merged and tested again.
enum MergeQueue {
    /// Waits for its turn.
    ///
    /// - Throws: ``ActionFailure`` `MERGE_QUEUE_BUSY`, worth another try; `CancellationError`.
    static func enter(_ repository: String, _ branch: String, _ context: ActionContext) async throws -> FileLock {
        let folder = context.dataDirectory + "/merge-queue"
        try SmallFile.makeDirectories(folder)
        let name = SHA256Digest.hex(of: Array("\(repository)\0\(branch)".utf8)).prefix(24)
        let envelope = context.envelope
        let holder: JSONObject = [
            "workflow": .string(envelope.workflowContext.workflowName),
            "workflow_id": .string(envelope.workflowID.description), "branch": .string(branch),
        ]
        // What is left of the attempt is for the merge and its tests.
        let seconds = Double(envelope.constraints.timeoutMilliseconds) / 1000 * 0.6
        return try await FileLock.take(
            "\(folder)/\(name).lock", holder: holder, waitSeconds: seconds, code: "MERGE_QUEUE_BUSY"
        ) { holder in
            context.report(progress: 0.02, note: "waiting in the merge queue of \(branch)")
            context.logger.info("waiting in the merge queue of \(branch) behind \(holder)")
        }
    }
}
