public import JSONTools

/// A question to people, asked by a result with status `needs_input`.
public struct Question: Sendable, Hashable {
    /// What the answer refers to, unique within the result.
    public var id: String
    /// The question.
    public var text: String
    /// Answers to choose from; empty for a free answer.
    public var options: [String]

    /// - Parameters:
    ///   - id: what the answer refers to, unique within the result.
    ///   - text: the question.
    ///   - options: answers to choose from; empty for a free answer.
    public init(id: String, text: String, options: [String] = []) {
        self.id = id
        self.text = text
        self.options = options
    }
}

extension Question: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            id: try fields.shortText("id"), text: try fields.text("text", maxBytes: ProtocolLimits.longTextBytes),
            options: try fields.texts("options", maxBytes: ProtocolLimits.longTextBytes))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("id", id)
        writer.field("text", text)
        writer.field("options", options)
        writer.endObject()
    }
}

/// The answer of people to a ``Question`` of an earlier attempt.
public struct Answer: Sendable, Hashable {
    /// The question's id.
    public var id: String
    /// What was answered: usually text.
    public var value: JSONValue

    /// - Parameters:
    ///   - id: the question's id.
    ///   - value: what was answered.
    public init(id: String, value: JSONValue) {
        self.id = id
        self.value = value
    }
}

extension Answer: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(id: try fields.shortText("id"), value: try fields.required("value"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("id", id)
        writer.field("value", value)
        writer.endObject()
    }
}
