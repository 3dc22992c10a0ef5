import AgentProtocol
import Synchronization

/// A result on its way out of the task that found it.
final class Delivered: Sendable {
    private let box = Mutex<TaskResult?>(nil)

    var result: TaskResult? {
        get { box.withLock { $0 } }
        set { box.withLock { $0 = newValue } }
    }
}
