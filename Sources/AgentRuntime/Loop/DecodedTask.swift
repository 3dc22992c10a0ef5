package import AgentProtocol
package import TaskTransport

/// A task that was taken and decoded.
package struct DecodedTask: Sendable {
    /// Where it lies on its stream.
    package var entry: ClaimedTask
    /// What it asks for.
    package var envelope: TaskEnvelope
    /// The encoded result, where it is known already: of a task that is refused, or of an action that needs no running.
    package var answer: [UInt8]?

    /// A task that was taken and decoded.
    package init(entry: ClaimedTask, envelope: TaskEnvelope, answer: [UInt8]? = nil) {
        self.entry = entry
        self.envelope = envelope
        self.answer = answer
    }
}

/// A result that is to be reported, with the entry that it answers.
package struct ReportOrder: Sendable, Hashable {
    package var reference: TaskReference
    /// The encoded result.
    package var bytes: [UInt8]
    /// Without the bytes of the envelope; nil when the entry is gone and the result is only sent again.
    package var entry: ClaimedTask?
}

extension ClaimedTask {
    func isSameEntry(as other: ClaimedTask) -> Bool { entryID == other.entryID && stream == other.stream }

    /// Enough to acknowledge it by; results are held for long, and envelopes may be large.
    var withoutBytes: ClaimedTask { ClaimedTask(stream: stream, entryID: entryID, bytes: []) }
}
