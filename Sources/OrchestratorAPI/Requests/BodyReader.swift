import HTTPTypes
import Hummingbird
import JSONTools
import NIOCore

/// Reads the body of a request within its limits.
struct BodyReader: Sendable {
    /// Most bytes of a body.
    static let maxBytes = 1 << 20
    /// Within how many seconds a body has to be here.
    var maxSeconds = 15

    /// The body's bytes.
    ///
    /// - Throws: 413 as soon as it is known to be too large, without reading the rest; 408 if it comes too slowly.
    func bytes(of request: Request) async throws -> [UInt8] {
        let maxBytes = Self.maxBytes
        if let field = request.headers[.contentLength], let length = Int(field), length > maxBytes {
            throw Problem.tooLarge(limitBytes: maxBytes)
        }
        return try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask {
                var bytes: [UInt8] = []
                for try await piece in request.body {
                    guard bytes.count + piece.readableBytes <= maxBytes else {
                        throw Problem.tooLarge(limitBytes: maxBytes)
                    }
                    bytes += piece.readableBytesView
                }
                return bytes
            }
            group.addTask {
                try await Task.sleep(for: .seconds(maxSeconds))
                throw Problem.tooSlow(limitSeconds: maxSeconds)
            }
            defer { group.cancelAll() }
            guard let bytes = try await group.next() else { throw CancellationError() }
            return bytes
        }
    }

    /// The body as a JSON object.
    ///
    /// - Throws: 415 for another content type, 400 with line and column for broken JSON, 422 for no object; as `bytes`.
    func object(of request: Request) async throws -> JSONObject {
        try Self.requireType(of: request, ["application/json"])
        return try Self.parse(try await bytes(of: request))
    }

    /// The fields of a JSON object that may be missing altogether.
    ///
    /// - Throws: as `object`; 422 for fields that are not allowed.
    func fields(of request: Request, allowed: [String]) async throws -> FieldReader {
        let bytes = try await bytes(of: request)
        guard !Self.isBlank(bytes) else { return FieldReader([:], allowed: allowed) }
        try Self.requireType(of: request, ["application/json"])
        let reader = FieldReader(try Self.parse(bytes), allowed: allowed)
        guard reader.faults.isEmpty else { throw Problem.invalid(reader.faults) }
        return reader
    }

    /// Whether there is nothing but what JSON calls white space (RFC 8259, 2).
    private static func isBlank(_ bytes: [UInt8]) -> Bool {
        bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    }

    /// Reads a JSON object.
    static func parse(_ bytes: [UInt8]) throws(Problem) -> JSONObject {
        guard !isBlank(bytes) else { throw .brokenBody("the body is empty; expected a JSON object") }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: maxBytes))
        } catch {
            throw .brokenBody(
                "line \(error.line), column \(error.column): \(error.message)",
                faults: [Problem.Fault(pointer: "\(error.pointer)", message: error.message)],
                members: ["line": JSONValue(error.line), "column": JSONValue(error.column)])
        }
        guard let object = value.objectValue else {
            throw .invalid([Problem.Fault(pointer: "", message: "found \(value.kindName); expected an object")])
        }
        return object
    }

    /// Refuses other content types than these (lower case); parameters such as the character set don't matter.
    static func requireType(of request: Request, _ types: [String]) throws(Problem) {
        let field = request.headers[.contentType]
        let type = field?.split(separator: ";").first.map { $0.trimming(" ").lowercased() }
        guard let type, types.contains(type) else { throw .wrongContentType(field, expected: types) }
    }
}

extension Substring {
    /// Without these characters at both ends.
    fileprivate func trimming(_ character: Character) -> Substring {
        var rest = self.drop { $0 == character }
        while rest.last == character { rest.removeLast() }
        return rest
    }
}
