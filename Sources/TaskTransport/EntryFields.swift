import AgentProtocol
import JSONTools
import RedisDriver

/// The fields of our entries: the message, and for people with redis-cli the task and the attempt.
enum EntryFields {
    static let envelope: StaticString = "envelope"
    static let taskID: StaticString = "task_id"
    static let attempt: StaticString = "attempt"
}

extension RedisBatch {
    /// Appends `XADD` of a message about a task.
    mutating func addEntry(to stream: String, message: [UInt8], taskID: UniqueID, attempt: Int) {
        xadd(to: stream, fieldCount: 3)
        add(literal: EntryFields.envelope)
        add(message)
        add(literal: EntryFields.taskID)
        add(taskID.description)
        add(literal: EntryFields.attempt)
        add(attempt)
    }

    /// Appends `XADD` of a message to a stream of limited length.
    mutating func addEntry(to stream: String, message: [UInt8], approximateLength: Int) {
        xadd(to: stream, approximateLength: approximateLength, fieldCount: 1)
        add(literal: EntryFields.envelope)
        add(message)
    }

    /// Appends `XACK` and `XDEL` of entries.
    mutating func removeEntries(_ ids: [StreamEntryID], of stream: String, group: String) {
        xack(stream, group: group, ids)
        xdel(stream, ids)
    }
}

extension RedisStreamEntry {
    /// The send that a task entry carries; nil if it can't be read.
    ///
    /// An envelope of ours begins with `{"message_id":"…","dispatch_id":"…",` and the entry has the task's id and attempt
    /// beside it, so that a walk over thousands of entries needn't decode them. Others are decoded.
    var taskReference: TaskReference? {
        guard let bytes = bytes(of: EntryFields.envelope) else { return nil }
        if let dispatchID = Self.dispatchID(inHeadOf: bytes),
            let taskID = value(of: EntryFields.taskID)?.string.flatMap({ UniqueID($0) }),
            let attempt = value(of: EntryFields.attempt)?.integer
        {
            return TaskReference(taskID: taskID, attempt: attempt, dispatchID: dispatchID)
        }
        do throws(ProtocolError) {
            return try TaskEnvelope(decoding: bytes).reference
        } catch {
            return nil
        }
    }

    static func dispatchID(inHeadOf bytes: [UInt8]) -> DispatchID? {
        let opening = Array(#"{"message_id":""#.utf8)
        let middle = Array(#"","dispatch_id":""#.utf8)
        let start = opening.count + 36 + middle.count
        guard bytes.count > start + 17, bytes.starts(with: opening),
            bytes[(opening.count + 36)...].starts(with: middle), bytes[start + 16] == UInt8(ascii: "\"")
        else { return nil }
        return DispatchID(String(decoding: bytes[start..<(start + 16)], as: UTF8.self))
    }
}

/// The ids in texts that came from us; what isn't one is left out, as no entry can have it.
func entryIDs(_ texts: [String]) -> [StreamEntryID] { texts.compactMap { StreamEntryID($0) } }
