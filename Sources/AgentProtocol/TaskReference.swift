public import JSONTools

/// The send of an attempt of a task that a message is about: on the wire `{task_id, attempt, dispatch_id}`.
public struct TaskReference: Sendable, Hashable, CustomStringConvertible {
    /// The task, the same over all attempts.
    public var taskID: UniqueID
    /// The attempt, from 1.
    public var attempt: Int
    /// The send of that attempt.
    public var dispatchID: DispatchID

    /// - Parameters:
    ///   - taskID: the task.
    ///   - attempt: the attempt, from 1.
    ///   - dispatchID: the send of that attempt.
    public init(taskID: UniqueID, attempt: Int, dispatchID: DispatchID) {
        self.taskID = taskID
        self.attempt = attempt
        self.dispatchID = dispatchID
    }

    /// For logs: `task/attempt/dispatch`, which is also the tail of the attempt's branch.
    public var description: String { "\(taskID)/\(attempt)/\(dispatchID)" }
}

extension TaskReference: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            taskID: try fields.id("task_id"), attempt: try fields.integer("attempt", in: 1...ProtocolLimits.counter),
            dispatchID: try fields.dispatchID("dispatch_id"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("task_id", taskID)
        writer.field("attempt", attempt)
        writer.field("dispatch_id", dispatchID)
        writer.endObject()
    }
}
