import JSONTools

/// A file that an attempt produced, stored by its hash.
public struct ArtifactReference: Sendable, Hashable {
    /// The file's name, without directories that lead outside.
    public var name: String
    /// Its media type.
    public var type: String
    /// Its size in bytes.
    public var sizeBytes: Int
    /// Its SHA-256: 64 lower-case hex digits.
    public var sha256: String
    /// What it is, for people; nil if the name says it.
    public var label: String?

    /// - Parameters:
    ///   - name: the file's name.
    ///   - type: its media type.
    ///   - sizeBytes: its size in bytes.
    ///   - sha256: its SHA-256, 64 lower-case hex digits.
    ///   - label: what it is, for people.
    public init(name: String, type: String, sizeBytes: Int, sha256: String, label: String? = nil) {
        self.name = name
        self.type = type
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.label = label
    }
}

extension ArtifactReference: WireObject {
    init(fields: inout FieldReader) throws(ProtocolError) {
        self.init(
            name: try fields.shortText("name"), type: try fields.shortText("type"),
            sizeBytes: try fields.integer("size_bytes", in: 0...ProtocolLimits.quantity),
            sha256: try fields.hex("sha256", length: 64), label: try fields.optionalShortText("label"))
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("name", name)
        writer.field("type", type)
        writer.field("size_bytes", sizeBytes)
        writer.field("sha256", sha256)
        writer.field("label", label)
        writer.endObject()
    }
}
