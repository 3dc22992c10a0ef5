import JSONTools

/// What an action does with the workflow's files.
public enum WorkspaceMode: String, Sendable, Hashable, CaseIterable {
    /// Nothing: it gets no clone.
    case none
    /// Reads them: it gets a clone and no commit is taken from it.
    case read
    /// Changes them: it gets a clone and may hand back one commit.
    case write
}

/// Where a task finds the workflow's files.
public struct WorkspaceReference: Sendable, Hashable {
    /// What the task may do with them.
    public var mode: WorkspaceMode
    /// The bare repository of the workflow; nil if mode is none.
    public var url: String?
    /// The commit to start from; nil if there is none yet.
    public var commit: String?

    /// - Parameters:
    ///   - mode: what the task may do with the files.
    ///   - url: the bare repository of the workflow; nil if mode is none.
    ///   - commit: the commit to start from, 40 or 64 lower-case hex digits; nil if there is none yet.
    public init(mode: WorkspaceMode, url: String? = nil, commit: String? = nil) {
        self.mode = mode
        self.url = url
        self.commit = commit
    }
}

extension WorkspaceReference: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            mode: try fields.choice("mode"), url: try fields.optionalText("url", maxBytes: ProtocolLimits.urlBytes),
            commit: try fields.optionalHex("commit", lengths: 40, 64))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("mode", mode.rawValue)
        writer.field("url", url)
        writer.field("commit", commit)
        writer.endObject()
    }
}
