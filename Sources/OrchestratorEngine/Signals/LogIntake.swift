import AgentProtocol
import JSONTools
public import TaskTransport
public import WorkflowStorage

/// Takes agents' log lines into the record.
public struct LogIntake: Sendable {
    private let bus: any TaskBus
    private let store: any WatchStore
    private let feed: LiveFeed

    /// An intake that tells `feed` what is new.
    public init(bus: any TaskBus, store: any WatchStore, feed: LiveFeed) {
        self.bus = bus
        self.store = store
        self.feed = feed
    }

    /// Takes one batch of entries; they are acknowledged by whoever calls once this returns.
    func take(_ entries: [InboundMessage]) async throws(BatchError) {
        var rows: [LogRow] = []
        var letters: [DeadLetter] = []
        var workflows: Set<UniqueID> = []
        for entry in entries {
            do throws(ProtocolError) {
                let batch = try LogBatch(decoding: entry.bytes)
                workflows.insert(batch.workflowID)
                rows += batch.lines.map { line in
                    LogRow(
                        workflowID: batch.workflowID, taskID: batch.reference.taskID, attempt: batch.reference.attempt,
                        line: line.number, at: line.at, level: line.level.rawValue, stream: line.stream.rawValue,
                        text: line.text)
                }
            } catch {
                letters.append(
                    DeadLetter(
                        kind: .message, source: "agent:logs", cause: error.code.rawValue, detail: "\(error)",
                        bytes: entry.bytes))
            }
        }
        try await store.append(rows)
        try await store.keep(letters)
        await bus.mirror(letters)
        feed.notify(workflows)
    }
}
