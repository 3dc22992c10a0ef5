import HTTPTypes
import Hummingbird
import JSONTools
import NIOCore

/// A refusal as the caller gets it: a problem document (RFC 9457).
struct Problem: Error, Sendable {
    /// One thing that is wrong with what was sent.
    struct Fault: Sendable, Hashable {
        /// Where, as a JSON pointer into the body; empty for the whole.
        var pointer: String
        /// What was found, what was expected.
        var message: String

        /// Both are cut, as what they repeat may be as long as the body.
        init(pointer: String, message: String) {
            self.pointer = pointer.cut(toBytes: 500)
            self.message = message.cut(toBytes: 2000)
        }
    }

    /// Most faults that one document lists.
    static let maxFaults = 100

    var status: HTTPResponse.Status
    /// The last part of the document's `type`; always the same for the same kind of problem.
    var kind: String
    var title: String
    var detail: String
    var faults: [Fault] = []
    /// Further members of the document.
    var members: JSONObject = [:]
    var headers: HTTPFields = [:]
    /// Whether the connection is of no further use: part of the request was not read.
    var closesConnection = false

    /// The document about the request for `path`.
    func document(instance path: String) -> JSONObject {
        var document: JSONObject = [
            "type": .string("urn:baton:problem:\(kind)"), "title": .string(title),
            "status": .integer(Int64(status.code)), "detail": .string(detail), "instance": .string(path),
        ]
        if !faults.isEmpty {
            document["errors"] = .array(
                faults.prefix(Self.maxFaults).map {
                    ["pointer": .string($0.pointer), "message": .string($0.message)]
                })
        }
        for (key, value) in members { document[key] = value }
        return document
    }

    /// The answer to the request for `path`.
    func response(instance path: String) -> Response {
        var response = Response(status: status, json: .object(document(instance: path)))
        response.headers[.contentType] = "application/problem+json"
        for field in headers { response.headers.append(field) }
        if closesConnection { response.headers[.connection] = "close" }
        return response
    }
}

extension Response {
    /// An answer with a JSON document.
    init(status: HTTPResponse.Status = .ok, json: JSONValue, headers: HTTPFields = [:]) {
        var headers = headers
        headers[.contentType] = "application/json"
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.encoded())))
    }
}
