import AgentProtocol
import TaskTransport

/// A task that was taken and decoded.
struct DecodedTask: Sendable {
    /// Where it lies on its stream.
    var entry: ClaimedTask
    var envelope: TaskEnvelope
}

/// A result that is to be reported, with the entry that it answers.
struct ReportOrder: Sendable, Hashable {
    var reference: TaskReference
    /// The encoded result.
    var bytes: [UInt8]
    /// Without the bytes of the envelope; nil when the entry is gone and the result is only sent again.
    var entry: ClaimedTask?
}

extension ClaimedTask {
    func isSameEntry(as other: ClaimedTask) -> Bool { entryID == other.entryID && stream == other.stream }

    /// Enough to acknowledge it by; results are held for long, and envelopes may be large.
    var withoutBytes: ClaimedTask { ClaimedTask(stream: stream, entryID: entryID, bytes: []) }
}
