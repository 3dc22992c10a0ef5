import Foundation
import Glibc

/// A process of the stack: what to start, when it counts as ready, how it is told to end.
public struct ProcessSpecification: Sendable {
    /// Unique in the stack; also the name of its log.
    public var name: String
    /// What is started.
    public var command: DaemonCommand
    /// When it can be used.
    public var readiness: ReadinessProbe
    /// How long it may take to become ready.
    public var readyWithin: Duration
    /// The signal that asks it to end in order.
    public var stopSignal: Int32
    /// How long it may take to end before it is killed.
    public var stopWithin: Duration
    /// The port it listens on, if any.
    public var port: Int?

    /// Describes a process.
    public init(
        name: String,
        command: DaemonCommand,
        readiness: ReadinessProbe = .running,
        readyWithin: Duration = .seconds(60),
        stopSignal: Int32 = 15,  // SIGTERM
        stopWithin: Duration = .seconds(32),
        port: Int? = nil
    ) {
        self.name = name
        self.command = command
        self.readiness = readiness
        self.readyWithin = readyWithin
        self.stopSignal = stopSignal
        self.stopWithin = stopWithin
        self.port = port
    }
}

/// What a managed process tells whoever watches it.
enum ProcessNews: Sendable {
    case started(ProcessIdentity, restarts: Int)
    case died(ExitReason, restartIn: Duration)
    case stopped
}

/// Carries out what `Supervision` decides for one process.
actor ManagedProcess {
    nonisolated let specification: ProcessSpecification
    private var supervision: Supervision
    private var process: DetachedProcess?
    private let news: @Sendable (ProcessNews) async -> Void

    init(
        _ specification: ProcessSpecification,
        policy: RestartPolicy,
        news: @escaping @Sendable (ProcessNews) async -> Void
    ) {
        self.specification = specification
        self.supervision = Supervision(policy: policy)
        self.news = news
    }

    /// The process that runs now.
    var identity: ProcessIdentity? { process?.exitReason == nil ? process?.identity : nil }

    /// Starts it unless it runs.
    func start() async throws(StackError) {
        if case .spawn = supervision.apply(.start, at: .now) { try await spawn() }
    }

    /// Waits until it is ready.
    ///
    /// - Throws: `.notReady` with the last log lines if it died three times in a row or took too long.
    func awaitReady() async throws(StackError) {
        let deadline = ContinuousClock.now + specification.readyWithin
        var pause = specification.readiness.interval / 10
        var missing = "it did not start"
        // Those before may have been wanted: tests kill what they wait for.
        let formerDeaths = supervision.deaths
        while ContinuousClock.now < deadline {
            if let identity {
                guard let reason = await specification.readiness.check(identity) else {
                    if identity == self.identity { return }
                    continue
                }
                missing = reason
            } else if supervision.deaths >= formerDeaths + 3 {
                let reason = process?.exitReason.map { "\($0)" } ?? "it died"
                throw notReady("\(specification.name) ends as soon as it is started: \(reason)")
            } else if supervision.state == .stopped || supervision.state == .stopping {
                throw StackError(.stopped, "\(specification.name) was stopped")
            }
            do { try await Task.sleep(for: pause) } catch {
                throw StackError(.stopped, "stopped while waiting for \(specification.name)")
            }
            pause = min(pause * 1.5, specification.readiness.interval)
        }
        throw notReady("\(specification.name) was not ready within \(specification.readyWithin): \(missing)")
    }

    /// Asks it to end, waits, and kills its group if it doesn't in time. It stays stopped until it is started.
    func stop() async {
        let directive = supervision.apply(.stop, at: .now)
        guard let process else { return }
        if case .terminate = directive { process.identity.send(specification.stopSignal) }
        let limit = specification.stopWithin
        let identity = process.identity
        let killer = Task {
            try await Task.sleep(for: limit)
            identity.sendToGroup(SIGKILL)
        }
        _ = await process.waitForExit()
        killer.cancel()
        await news(.stopped)
    }

    /// Sends a signal: SIGKILL to its whole group (and waits for its end), any other to the process itself.
    ///
    /// - Returns: whether it was running.
    func signal(_ number: Int32) async -> Bool {
        guard let process, process.exitReason == nil else { return false }
        guard number == SIGKILL else { return process.identity.send(number) }
        let sent = process.identity.sendToGroup(SIGKILL)
        _ = await process.waitForExit()
        return sent
    }

    /// The last lines of its log.
    nonisolated func logTail(_ count: Int = 15) -> [String] {
        LogTail.lines(of: specification.command.logFile, count: count)
    }

    private func notReady(_ message: String) -> StackError {
        StackError(.notReady, message, hint: "the whole log: \(specification.command.logFile)", logTail: logTail())
    }

    private func spawn() async throws(StackError) {
        let process = try await DetachedProcess.spawn(specification.command)
        self.process = process
        Task { await self.ended(process.waitForExit()) }
        await news(.started(process.identity, restarts: supervision.restarts))
    }

    private func ended(_ reason: ExitReason) async {
        guard case .pause(let pause) = supervision.apply(.died, at: .now) else { return }
        await news(.died(reason, restartIn: pause))
        try? await Task.sleep(for: pause)
        guard case .spawn = supervision.apply(.pauseEnded, at: .now) else { return }
        // A start that fails (the binary is being replaced, say) counts as another death.
        do { try await spawn() } catch { await ended(.exited(127)) }
    }
}

/// The end of a log file.
public enum LogTail {
    /// The last `count` lines among the last 64 KiB of a file; empty if it can't be read.
    public static func lines(of path: String, count: Int) -> [String] {
        guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        guard let end = try? handle.seekToEnd() else { return [] }
        try? handle.seek(toOffset: end > 65_536 ? end - 65_536 : 0)
        let bytes = (try? handle.readToEnd()) ?? Data()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(count).map(String.init)
    }
}
