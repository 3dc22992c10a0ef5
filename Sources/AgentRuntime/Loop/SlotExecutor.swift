import BlockingIO

/// A thread of its own for what runs in one slot.
///
/// Actions may compute and block as they like: each holds up nothing but itself, least of all the heartbeats, which run
/// on other threads. Swift's task group and `async let` children of an action run on its thread too.
final class SlotExecutor: TaskExecutor {
    private let jobs: BoundedMailbox<UnownedJob>
    private let reference = ExecutorReference()

    init(number: Int) {
        let jobs = BoundedMailbox<UnownedJob>(capacity: 1 << 20, name: "slot \(number)")
        self.jobs = jobs
        reference.executor = self
        _ = DedicatedThread(name: "slot-\(number)") { [reference] in
            while true {
                switch jobs.waitAndTakeAll(atMost: 64, timeoutMilliseconds: nil) {
                case .items(let items):
                    guard let executor = reference.executor else { return }
                    for job in items { job.runSynchronously(on: executor.asUnownedTaskExecutor()) }
                case .timedOut: continue
                case .closed: return
                }
            }
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        do {
            try jobs.send(job)
        } catch {
            preconditionFailure("a slot has more than a million jobs waiting, or was closed while in use: \(error)")
        }
    }

    /// Ends the thread; nothing may run here any more.
    func close() {
        jobs.close()
        reference.executor = nil
    }
}
