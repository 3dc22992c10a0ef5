import Synchronization

/// Lets a thread find the executor that it was made by, which isn't there yet when the thread is made.
///
/// The executor lives as long as its process.
final class ExecutorReference: Sendable {
    private let box = Mutex<SlotExecutor?>(nil)

    var executor: SlotExecutor? {
        get { box.withLock { $0 } }
        set { box.withLock { $0 = newValue } }
    }
}
