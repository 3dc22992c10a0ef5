import TaskTransport
import WorkflowStorage

extension TaskBus {
    /// Copies dead letters to the stream that people watch. The record has them; a copy that fails is only not shown.
    func mirror(_ letters: [DeadLetter]) async {
        guard !letters.isEmpty else { return }
        do throws(TransportError) {
            try await mirrorDeadLetters(
                letters.map { DeadLetterCopy(source: $0.source, cause: $0.cause, bytes: $0.bytes) })
        } catch {
            return
        }
    }
}
