import JSONTools

/// The span under which a message was sent, as W3C Trace Context names it.
public struct TraceContext: Sendable, Hashable {
    /// The trace: 32 lower-case hex digits.
    public var traceID: String
    /// The span: 16 lower-case hex digits.
    public var spanID: String
    /// The span above it: 16 lower-case hex digits; nil for the root.
    public var parentSpanID: String?

    /// - Parameters:
    ///   - traceID: 32 lower-case hex digits.
    ///   - spanID: 16 lower-case hex digits.
    ///   - parentSpanID: 16 lower-case hex digits; nil for the root.
    public init(traceID: String, spanID: String, parentSpanID: String? = nil) {
        self.traceID = traceID
        self.spanID = spanID
        self.parentSpanID = parentSpanID
    }
}

extension TraceContext: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            traceID: try fields.hex("trace_id", length: 32), spanID: try fields.hex("span_id", length: 16),
            parentSpanID: try fields.optionalHex("parent_span_id", lengths: 16))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("trace_id", traceID)
        writer.field("span_id", spanID)
        writer.field("parent_span_id", parentSpanID)
        writer.endObject()
    }
}
