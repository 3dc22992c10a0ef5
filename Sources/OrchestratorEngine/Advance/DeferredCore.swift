package import JSONTools
import WorkflowCore
package import WorkflowStorage

/// Writes that may wait a second, as a value: marks of published sends, and the searchable rows of running workflows.
/// Most sends are answered, and most rows superseded, before they are due, so they are never written at all.
package struct DeferredCore: Sendable {
    /// How long a write waits, in milliseconds.
    package static let delayMilliseconds: Int64 = 1000

    private var published: [UniqueID: (send: PublishedSend, since: Int64)] = [:]
    private var summaries: [UniqueID: WorkflowSummary] = [:]

    /// Nothing to write.
    package init() {}

    /// Whether there is nothing to write.
    package var isEmpty: Bool { published.isEmpty && summaries.isEmpty }

    /// Notes tasks whose attempts are closed: how their sends fared matters no more.
    package mutating func note(closed: [UniqueID]) {
        for taskID in closed { published[taskID] = nil }
    }

    /// Notes sends that reached Redis.
    package mutating func note(published sends: [PublishedSend], at monotonic: Int64) {
        for send in sends { published[send.reference.taskID] = (send, monotonic) }
    }

    /// Notes what running workflows look like.
    package mutating func note(summaries: [WorkflowSummary]) {
        for summary in summaries { self.summaries[summary.id] = summary }
    }

    /// Notes workflows whose rows are up to date.
    package mutating func note(current: [UniqueID]) {
        for id in current { summaries[id] = nil }
    }

    /// Takes out what is due: in an order that two orchestrators share, so that they never lock each other out.
    ///
    /// - Parameter all: whether marks that may still wait are taken as well.
    package mutating func takeDue(
        at monotonic: Int64, all: Bool = false
    ) -> (published: [PublishedSend], summaries: [WorkflowSummary]) {
        var due: [PublishedSend] = []
        for entry in published.values where all || monotonic - entry.since >= Self.delayMilliseconds {
            due.append(entry.send)
        }
        for send in due { published[send.reference.taskID] = nil }
        defer { summaries = [:] }
        return (due.sorted { $0.reference.taskID < $1.reference.taskID }, summaries.values.sorted { $0.id < $1.id })
    }

    /// Brings back summaries that could not be written, unless a newer one came meanwhile.
    package mutating func putBack(summaries: [WorkflowSummary]) {
        for summary in summaries where self.summaries[summary.id] == nil {
            self.summaries[summary.id] = summary
        }
    }

    /// Brings back marks that could not be written, unless the task was sent again meanwhile.
    package mutating func putBack(published sends: [PublishedSend], at monotonic: Int64) {
        for send in sends where published[send.reference.taskID] == nil {
            published[send.reference.taskID] = (send, monotonic)
        }
    }
}
