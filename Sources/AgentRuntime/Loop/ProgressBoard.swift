import AgentProtocol
import Synchronization

/// The last word of each attempt on how far it has come; an action may report as often as it likes.
final class ProgressBoard: Sendable {
    struct Entry: Sendable {
        var progress: Double
        var note: String
    }

    private let entries = Mutex<[TaskReference: Entry]>([:])

    func set(_ reference: TaskReference, _ progress: Double, _ note: String) {
        entries.withLock { $0[reference] = Entry(progress: progress, note: note) }
    }

    func forget(_ reference: TaskReference) { entries.withLock { $0[reference] = nil } }

    /// What was said since the last time.
    func take() -> [TaskReference: Entry] {
        entries.withLock { entries in
            guard !entries.isEmpty else { return [:] }
            defer { entries = [:] }
            return entries
        }
    }
}
