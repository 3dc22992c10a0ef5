import Synchronization

/// The tools that an attempt runs in the background, so that none outlives it.
final class BackgroundTools: Sendable {
    private let processes = Mutex<[ToolProcess]>([])

    func add(_ process: ToolProcess) { processes.withLock { $0.append(process) } }

    /// Stops all of them and waits until their groups are gone.
    func stopAll() async {
        let all = processes.withLock { processes in
            defer { processes = [] }
            return processes
        }
        guard !all.isEmpty else { return }
        for process in all { process.group.stop(.asked) }
        for process in all { _ = await process.ending.result }
    }
}
