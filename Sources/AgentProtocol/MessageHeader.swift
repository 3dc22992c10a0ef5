import JSONTools

/// What every signal, control message and log batch begins with, besides its `kind`.
extension JSONWriter {
    mutating func header(kind: StaticString, sentAt: Timestamp, agentID: String?) {
        key(literal: "kind")
        value(kind.description)
        field("version", ProtocolVersion.current)
        field("sent_at", sentAt)
        field("agent_id", agentID)
    }
}

extension FieldReader {
    /// Checks version and kind of a message that has only one kind.
    mutating func header(kind expected: String) throws(ProtocolError) {
        try version("version")
        let kind = try shortText("kind")
        guard kind == expected else { throw unknownKind(kind, known: [expected]) }
    }

    func unknownKind(_ kind: String, known: [String]) -> ProtocolError {
        let hint = closestMatch(kind, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
        return ProtocolError(
            code: .unknownKind,
            message: "found \"\(kind.prefix(80))\", expected one of \(known.joined(separator: ", "))\(hint)",
            pointer: JSONPointer(tokens: ["kind"]))
    }
}
