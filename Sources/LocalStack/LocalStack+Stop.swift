import Foundation
import Glibc

extension LocalStack {
    /// Ends everything, in reverse order: agents, orchestrators, servers. Nothing is left running but deployed apps.
    public func stop() async {
        guard lock != nil else { return }
        record.state = .stopping
        saveRecord()
        await shutDown()
        record.state = .stopped
        saveRecord()
        lock = nil
    }

    /// Ends everything and deletes what the stack wrote, outside the data directory too. For tests.
    public func destroy() async {
        await stop()
        let manager = FileManager.default
        if let home = record.postgresData { try? manager.removeItem(atPath: home) }
        try? manager.removeItem(atPath: configuration.dataDirectory)
    }

    /// Stops what runs, whatever state the stack is in.
    func shutDown() async {
        let isServer = { (name: String) in name == "redis" || name == "postgres" }
        let isOrchestrator = { (name: String) in name.hasPrefix("orchestrator") }
        let agents = processes.filter { !isServer($0.specification.name) && !isOrchestrator($0.specification.name) }
        let orchestrators = processes.filter { isOrchestrator($0.specification.name) }
        let servers = processes.filter { isServer($0.specification.name) }
        for group in [agents, orchestrators, servers] {
            await withTaskGroup(of: Void.self) { tasks in
                for process in group { tasks.addTask { await process.stop() } }
            }
            // Tools of agents that had to be killed.
            OrphanSweep.killOrphans()
        }
        OrphanSweep.killLeftovers(ofStack: configuration.dataDirectory)
        record.removeSockets()
        record.socketDirectory = nil
        processes = []
    }
}

extension StackRecord {
    /// Ends the stack of a data directory from outside: asks its supervisor, and if there is none (or it doesn't obey)
    /// ends the recorded processes itself.
    ///
    /// - Parameter limit: how long the supervisor gets before its processes are ended without it.
    /// - Returns: whether anything was running.
    public static func stop(
        dataDirectory: String, within limit: Duration = .seconds(75)
    ) async throws(StackError) -> Bool {
        guard let record = StackRecord.load(from: dataDirectory) else { return false }
        let wasRunning = record.isSupervised || !record.survivors.isEmpty
        if record.isSupervised && record.state != .stopped {
            record.supervisor.send(SIGTERM)
            await waitUntilDead([record.supervisor], within: limit)
            if record.supervisor.isAlive && StackLock.isHeld(dataDirectory: dataDirectory) {
                record.supervisor.send(SIGKILL)
                await waitUntilDead([record.supervisor], within: .seconds(5))
            }
        }
        guard var last = StackRecord.load(from: dataDirectory) else { return wasRunning }
        guard last.state != .stopped || !last.survivors.isEmpty else { return wasRunning }
        await end(last.survivors, within: .seconds(10))
        OrphanSweep.killLeftovers(ofStack: dataDirectory)
        OrphanSweep.killOrphans()
        last.removeSockets()
        last.state = .stopped
        for index in last.processes.indices {
            last.processes[index].pid = nil
            last.processes[index].startTime = nil
            last.processes[index].state = .stopped
        }
        try last.save()
        return wasRunning
    }

    /// Ends recorded processes that nobody watches any more, servers last: first in order, then by SIGKILL to the
    /// group.
    static func end(_ entries: [Entry], within limit: Duration) async {
        let servers = entries.filter { ["redis", "postgres"].contains($0.name) }
        let others = entries.filter { !["redis", "postgres"].contains($0.name) }
        for group in [others, servers] {
            // SIGINT is PostgreSQL's "fast shutdown"; its SIGTERM would wait for every client to leave.
            for entry in group { entry.identity?.send(entry.name == "postgres" ? SIGINT : SIGTERM) }
            let identities = group.compactMap(\.identity)
            await waitUntilDead(identities, within: limit)
            for identity in identities { identity.sendToGroup(SIGKILL) }
            await waitUntilDead(identities, within: .seconds(5))
        }
    }

    /// Waits for the end of processes that aren't our children, which only looking can tell.
    static func waitUntilDead(_ processes: [ProcessIdentity], within limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        while processes.contains(where: \.isAlive) && ContinuousClock.now < deadline {
            // Not cancellable on purpose: a stop that was begun is finished.
            await Task { try? await Task.sleep(for: .milliseconds(50)) }.value
        }
    }

    func removeSockets() {
        guard let socketDirectory, socketDirectory.hasPrefix("/tmp/baton-") else { return }
        try? FileManager.default.removeItem(atPath: socketDirectory)
    }
}
