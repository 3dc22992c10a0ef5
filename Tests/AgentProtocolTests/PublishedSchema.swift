import AgentProtocol
import JSONTestSupport
import JSONTools
import Testing

/// A schema in docs/protocol, with the Swift type that it describes.
struct PublishedSchema: Sendable, CustomTestStringConvertible {
    let file: String
    /// For schemas of several kinds, the kind that is looked at.
    var kind: String?
    /// What Swift writes with every field filled, then with as little as possible.
    let instances: [[UInt8]]
    /// What Swift says about bytes.
    let refusal: @Sendable ([UInt8]) -> ProtocolError?

    var testDescription: String { kind.map { "\($0) in \(file)" } ?? file }

    func load() throws -> JSONValue {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let path = here.dropLast(3).joined(separator: "/") + "/docs/protocol/\(file)"
        return try JSONValue(parsing: PythonJSONSchema.read(path))
    }

    static let all: [PublishedSchema] =
        [
            PublishedSchema(
                file: "envelope.json",
                instances: [Samples.fullEnvelope.encoded(), Samples.minimalEnvelope.encoded()],
                refusal: { bytes in refusal { () throws(ProtocolError) in try TaskEnvelope(decoding: bytes) } }),
            PublishedSchema(
                file: "result.json", instances: [Samples.fullResult.encoded(), Samples.minimalResult.encoded()],
                refusal: { bytes in refusal { () throws(ProtocolError) in try TaskResult(decoding: bytes) } }),
            PublishedSchema(
                file: "log-batch.json", instances: [Samples.fullLog.encoded(), Samples.minimalLog.encoded()],
                refusal: { bytes in refusal { () throws(ProtocolError) in try LogBatch(decoding: bytes) } }),
        ]
        + AgentSignal.Kind.allCases.map { kind in
            PublishedSchema(
                file: "signals.json", kind: kind.rawValue,
                instances: Samples.signals.filter { $0.kind == kind }.map { $0.encoded() },
                refusal: { bytes in refusal { () throws(ProtocolError) in try AgentSignal(decoding: bytes) } })
        }
        + ControlMessage.Kind.allCases.map { kind in
            PublishedSchema(
                file: "control.json", kind: kind.rawValue,
                instances: Samples.controls.filter { $0.kind == kind }.map { $0.encoded() },
                refusal: { bytes in refusal { () throws(ProtocolError) in try ControlMessage(decoding: bytes) } })
        }

    private static func refusal<Message>(_ decode: () throws(ProtocolError) -> Message) -> ProtocolError? {
        do {
            _ = try decode()
            return nil
        } catch {
            return error
        }
    }
}

extension PublishedSchema {
    /// Every place of `instance` that the schema speaks of: its path, and the schema's keys where it is an object.
    func places(of instance: JSONValue) throws -> [Place] {
        let root = try load()
        let start = kind.flatMap { root["$defs"]?[$0] } ?? root
        var places: [Place] = []
        Self.walk(instance, start, root: root, path: [], into: &places)
        return places
    }

    struct Place {
        var path: [String]
        var instanceKeys: Set<String>
        var schemaKeys: Set<String>
    }

    private static func walk(
        _ value: JSONValue, _ schema: JSONValue, root: JSONValue, path: [String], into places: inout [Place]
    ) {
        if let target = schema["$ref"]?.stringValue, let pointer = JSONPointer(String(target.dropFirst())),
            let resolved = root[pointer]
        {
            walk(value, resolved, root: root, path: path, into: &places)
            return
        }
        if let first = schema["anyOf"]?[0] {
            walk(value, first, root: root, path: path, into: &places)
            return
        }
        var place = Place(path: path, instanceKeys: [], schemaKeys: [])
        if let properties = schema["properties"]?.objectValue, let object = value.objectValue {
            place.instanceKeys = Set(object.keys)
            place.schemaKeys = Set(properties.keys)
            for (key, property) in properties {
                if let member = object[key] { walk(member, property, root: root, path: path + [key], into: &places) }
            }
        }
        if let items = schema["items"], let elements = value.arrayValue {
            for (index, element) in elements.enumerated() {
                walk(element, items, root: root, path: path + [String(index)], into: &places)
            }
        }
        places.append(place)
    }
}

extension JSONValue {
    /// The value with the one at `path` replaced, or taken away if `replacement` is nil.
    func replacing(_ path: ArraySlice<String>, by replacement: JSONValue?) -> JSONValue? {
        guard let first = path.first else { return replacement }
        switch self {
        case .object(var object):
            object[first] = object[first]?.replacing(path.dropFirst(), by: replacement)
            return .object(object)
        case .array(var elements):
            guard let index = Int(first), elements.indices.contains(index) else { return self }
            if let element = elements[index].replacing(path.dropFirst(), by: replacement) {
                elements[index] = element
            } else {
                elements.remove(at: index)
            }
            return .array(elements)
        case .null, .bool, .integer, .number, .string: return self
        }
    }
}
