import AgentProtocol
import JSONTools
import Synchronization

/// Numbers, limits and batches the log lines of one attempt.
///
/// Dropped lines have numbers too, so that a gap shows where they are missing.
///
/// Lines are sent when 64 are together, when the runtime flushes (every 100 ms) and at the end of the attempt.
final class AttemptLog: Sendable {
    /// Takes a batch and the number of lines that were dropped since the last.
    typealias Sink = @Sendable (_ lines: [LogLine], _ dropped: Int) -> Void

    /// So many lines go out at once without waiting for the next flush.
    static let usualBatchSize = 64
    /// A longer line is cut, counted in bytes.
    static let maxTextBytes = 4096

    private struct State {
        var throttle: LogThrottle
        var nextNumber = 1
        var waiting: [LogLine] = []
        var dropped = 0
        var sentDropped = 0
        var redactor = Redactor.none
    }

    private let state: Mutex<State>
    private let sink: Sink
    private let onFirstLine: @Sendable () -> Void
    private let logsDebug: Bool
    private let batchSize: Int

    /// - Parameters:
    ///   - linesPerSecond: More are dropped and counted.
    ///   - batchSize: So many lines go out at once.
    ///   - logsDebug: Whether debug lines are taken.
    ///   - onFirstLine: Told when something begins to wait, so that an idle runtime needn't look.
    ///   - sink: Takes the batches.
    init(
        linesPerSecond: Int = LogThrottle.linesPerSecond,
        batchSize: Int = AttemptLog.usualBatchSize,
        logsDebug: Bool = true,
        onFirstLine: @escaping @Sendable () -> Void = {},
        sink: @escaping Sink
    ) {
        state = Mutex(State(throttle: LogThrottle(limit: linesPerSecond)))
        self.logsDebug = logsDebug
        self.batchSize = batchSize
        self.onFirstLine = onFirstLine
        self.sink = sink
    }

    /// From now on lines go without what `redactor` finds.
    func redact(with redactor: Redactor) { state.withLock { $0.redactor = redactor } }

    func append(_ text: String, level: LogLevel, stream: LogLine.Source) {
        guard level != .debug || logsDebug else { return }
        let now = ContinuousClock.now
        let wall = Timestamp.now()
        let (batch, isFirst) = state.withLock { state -> (Batch?, Bool) in
            guard state.throttle.take(at: now) else {
                state.dropped += 1
                state.nextNumber += 1
                return (nil, state.waiting.isEmpty && state.dropped == state.sentDropped + 1)
            }
            let line = LogLine(
                number: state.nextNumber, at: wall, level: level, stream: stream,
                text: Self.bounded(state.redactor.redact(text)))
            state.nextNumber += 1
            state.waiting.append(line)
            if state.waiting.count >= batchSize { return (Self.take(&state), false) }
            return (nil, state.waiting.count == 1)
        }
        if let batch { sink(batch.lines, batch.dropped) }
        if isFirst { onFirstLine() }
    }

    /// How many lines would be taken now.
    func room() -> Int {
        let now = ContinuousClock.now
        return state.withLock { $0.throttle.room(at: now) }
    }

    /// Counts lines that weren't even made.
    func drop(_ count: Int) {
        guard count > 0 else { return }
        let isFirst = state.withLock { state in
            let isFirst = state.waiting.isEmpty && state.dropped == state.sentDropped
            state.dropped += count
            state.nextNumber += count
            return isFirst
        }
        if isFirst { onFirstLine() }
    }

    /// Sends what waits.
    func flush() {
        let batch = state.withLock { Self.take(&$0) }
        if let batch { sink(batch.lines, batch.dropped) }
    }

    private struct Batch {
        var lines: [LogLine]
        var dropped: Int
    }

    private static func take(_ state: inout State) -> Batch? {
        let dropped = state.dropped - state.sentDropped
        guard !state.waiting.isEmpty || dropped > 0 else { return nil }
        let batch = Batch(lines: state.waiting, dropped: dropped)
        state.waiting = []
        state.sentDropped = state.dropped
        return batch
    }

    private static func bounded(_ text: String) -> String {
        ProtocolLimits.truncated(text, toBytes: maxTextBytes)
    }
}
