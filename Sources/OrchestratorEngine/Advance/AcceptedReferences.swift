import Foundation
import Logging
import WorkflowStorage

/// Names accepted commits in the workflow's repository: `refs/accepted/<stage>/<generation>`.
///
/// A loose reference is a file with the commit's id, put in place by a rename (gitrepository-layout(5)). It is a sign
/// for people and keeps the commit from being pruned; the record alone decides what was accepted.
enum AcceptedReferences {
    static func write(_ commits: [BatchEffects.AcceptedCommit], envelopes: EnvelopeFactory, logger: Logger) {
        for accepted in commits {
            let repository = envelopes.repositoryPath(of: accepted.workflowID)
            let folder = "\(repository)/refs/accepted/\(accepted.stage)"
            guard FileManager.default.fileExists(atPath: repository) else { continue }
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Data("\(accepted.commit)\n".utf8).write(
                    to: URL(fileURLWithPath: "\(folder)/\(accepted.generation)"), options: .atomic)
            } catch {
                logger.warning(
                    "the accepted commit could not be named in the repository",
                    metadata: ["workflow": "\(accepted.workflowID)", "stage": "\(accepted.stage)", "error": "\(error)"])
            }
        }
    }
}
