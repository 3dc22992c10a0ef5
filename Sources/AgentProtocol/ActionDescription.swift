public import JSONTools

/// An action that an agent can do, as it registers it.
public struct ActionDescription: Sendable, Hashable {
    /// What envelopes call it.
    public var name: String
    /// The JSON Schema of its payload; an empty object accepts everything.
    public var inputSchema: JSONValue
    /// What it does with the workflow's files.
    public var workspace: WorkspaceMode
    /// Whether it has an irreversible part that it begins only after the orchestrator's grant.
    public var exclusive: Bool

    /// - Parameters:
    ///   - name: what envelopes call it.
    ///   - inputSchema: the JSON Schema of its payload.
    ///   - workspace: what it does with the workflow's files.
    ///   - exclusive: whether it has an irreversible part that needs the orchestrator's grant.
    public init(
        name: String, inputSchema: JSONValue = [:], workspace: WorkspaceMode = .read, exclusive: Bool = false
    ) {
        self.name = name
        self.inputSchema = inputSchema
        self.workspace = workspace
        self.exclusive = exclusive
    }
}

extension ActionDescription: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            name: try fields.name("name"), inputSchema: .object(try fields.optionalObject("input_schema") ?? [:]),
            workspace: try fields.optionalChoice("workspace") ?? .read,
            exclusive: try fields.truth("exclusive", default: false))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("name", name)
        writer.field("input_schema", inputSchema)
        writer.field("workspace", workspace.rawValue)
        writer.field("exclusive", exclusive)
        writer.endObject()
    }
}
