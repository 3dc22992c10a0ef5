import JSONTools
import Logging
import WorkflowStorage

/// Removes workflows that were over long ago, with their files. Any number of orchestrators do so side by side.
struct Retainer: Sendable {
    /// After the start: others come first.
    static let firstRest: Swift.Duration = .seconds(60)
    /// Between two rounds.
    static let rest: Swift.Duration = .seconds(3600)
    /// Between two batches of a round: work comes first.
    static let breath: Swift.Duration = .milliseconds(100)

    let retention: PostgresRetention
    let files: WorkflowFiles
    let logger: Logger

    /// Runs until cancelled.
    func run() async {
        var rest = Self.firstRest
        while true {
            do {
                try await Task.sleep(for: rest)
                try await round()
            } catch {
                if Task.isCancelled { return }
                logger.warning("removing what is over has to wait", metadata: ["error": "\(error)"])
            }
            rest = Self.rest
        }
    }

    /// Removes all that is due.
    func round() async throws {
        var count = 0
        var step = try await remove(after: nil)
        while true {
            count += step.workflows.count
            guard step.mayHaveMore, let last = step.workflows.last else { break }
            try await Task.sleep(for: Self.breath)
            step = try await remove(after: last)
        }
        let partitions = try await retention.dropPartitions()
        try await retention.removeLetters()
        guard count > 0 || !partitions.isEmpty else { return }
        logger.info(
            "removed what was over long ago", metadata: ["workflows": "\(count)", "partitions": "\(partitions)"])
    }

    private func remove(after last: UniqueID?) async throws -> PostgresRetention.Step {
        try await retention.removeExpired(after: last) { leftovers in
            let failed = files.remove(leftovers)
            guard !failed.isEmpty else { return }
            logger.warning(
                "files of removed workflows could not be removed", metadata: ["paths": "\(failed.prefix(20))"])
        }
    }
}
