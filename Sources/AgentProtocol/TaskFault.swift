public import JSONTools

/// One thing that went wrong in an attempt.
public struct TaskFault: Sendable, Hashable {
    /// A name for programs, such as `TOOL_FAILED`.
    public var code: String
    /// What was found, what was expected, and what to do next.
    public var message: String
    /// Whether another attempt may succeed.
    public var retryable: Bool
    /// More, for programs.
    public var detail: JSONObject

    /// - Parameters:
    ///   - code: a name for programs, such as `TOOL_FAILED`.
    ///   - message: what was found, what was expected, and what to do next.
    ///   - retryable: whether another attempt may succeed.
    ///   - detail: more, for programs.
    public init(code: String, message: String, retryable: Bool = false, detail: JSONObject = [:]) {
        self.code = code
        self.message = message
        self.retryable = retryable
        self.detail = detail
    }
}

extension TaskFault: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            code: try fields.shortText("code"),
            message: try fields.text("message", maxBytes: ProtocolLimits.longTextBytes),
            retryable: try fields.truth("retryable", default: false),
            detail: try fields.optionalObject("detail") ?? [:])
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("code", code)
        writer.field("message", message)
        writer.field("retryable", retryable)
        writer.field("detail", detail)
        writer.endObject()
    }
}
