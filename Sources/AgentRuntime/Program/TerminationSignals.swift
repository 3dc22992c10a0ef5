import UnixSignals

/// SIGTERM and SIGINT as the wish to end.
enum TerminationSignals {
    /// Does some work and cancels it at the first signal.
    static func cancelling<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value
    {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let task = Task { try await work() }
        let listener = Task {
            for await _ in signals { task.cancel() }
        }
        defer { listener.cancel() }
        return try await task.value
    }
}
