/// A tool that runs in the background, such as a server under test.
///
/// It is stopped when the attempt ends, if not before.
public struct RunningTool: Sendable {
    private let process: ToolProcess

    init(_ process: ToolProcess) { self.process = process }

    /// Id of the process and of its group; 0 when it never ran.
    public var pid: Int32 { process.group.processID ?? 0 }

    /// Whether it has not exited yet.
    public var isRunning: Bool { process.group.isRunning }

    /// Waits for the end and tells how it ended.
    ///
    /// - Returns: Exit status and output.
    /// - Throws: `CancellationError` when the waiting task is cancelled; the tool goes on until the attempt ends.
    public func waitForExit() async throws -> ToolOutput {
        let ending = process.ending
        return try await withUnfinishedWait { try await ending.value }
    }

    /// Ends the whole process group: SIGTERM, and SIGKILL two seconds later.
    ///
    /// - Returns: Exit status and output; nil when there is none to tell.
    @discardableResult
    public func stop() async -> ToolOutput? {
        process.group.stop(.asked)
        return try? await process.ending.value
    }
}

/// Waits for something that goes on by itself; on cancellation only the waiting ends.
func withUnfinishedWait<Value: Sendable>(_ wait: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let (stream, continuation) = AsyncThrowingStream<Value, any Error>.makeStream()
    let task = Task {
        do {
            continuation.yield(try await wait())
            continuation.finish()
        } catch {
            continuation.finish(throwing: error)
        }
    }
    defer { task.cancel() }
    for try await value in stream { return value }
    throw CancellationError()
}
