import HTTPTypes
import Hummingbird
import JSONTools
import NIOCore
import WorkflowStorage

/// What reads requests, for whoever tries it with hostile input: a request as text or bytes, and whether it is taken.
package enum RequestParsers {
    /// Why a request is refused.
    package struct Refusal: Error, Sendable, Hashable {
        /// HTTP status.
        package var status: Int
        /// The last part of the problem's type.
        package var kind: String
        /// Places and messages.
        package var faults: [(pointer: String, message: String)] { places.indices.map { (places[$0], messages[$0]) } }
        /// Size of the problem document, in bytes.
        package var documentBytes: Int

        private var places: [String]
        private var messages: [String]

        init(_ problem: Problem) {
            status = problem.status.code
            kind = problem.kind
            places = problem.faults.map(\.pointer)
            messages = problem.faults.map(\.message)
            documentBytes = JSONValue.object(problem.document(instance: "/")).encoded().count
        }
    }

    /// What `GET /workflows` makes of a query.
    ///
    /// - Returns: the page's size, and the query's words as they were understood.
    package static func workflowList(query: String) throws(Refusal) -> (limit: Int, words: [String]) {
        do throws(Problem) {
            let read = try WorkflowListRequest.query(from: request(query: query), tenant: "default")
            let words = [read.status, read.type, read.priority, read.stage, read.text]
            return (read.limit, words.compactMap { $0 })
        } catch {
            throw Refusal(error)
        }
    }

    /// What a query of one parameter `q` says; nil if it isn't accepted.
    package static func text(ofQuery query: String) -> String? {
        let reader = QueryReader(request(query: query), allowed: ["q"])
        return reader.faults.isEmpty ? reader.text("q") : nil
    }

    /// Reads a body as that of `POST /workflows`, of answers, of a new token, and as a message of a live connection.
    ///
    /// - Returns: how many of them take it.
    package static func bodies(_ bytes: [UInt8]) throws(Refusal) -> Int {
        let members: JSONValue = ["a": ["type": "integer", "default": 1]]
        let rule = InputRule(schema: try? JSONSchema(["type": "object", "properties": members]))
        var taken = 0
        var first: Problem?
        func attempt(_ body: () throws(Problem) -> Void) {
            do throws(Problem) {
                try body()
                taken += 1
            } catch {
                if first == nil { first = error }
            }
        }
        attempt { () throws(Problem) in
            _ = try WorkflowRequest(try BodyReader.parse(bytes), headerKey: nil, types: ["app": rule])
        }
        attempt { () throws(Problem) in _ = try AnswersRequest(try BodyReader.parse(bytes)) }
        attempt { () throws(Problem) in _ = try TokenRequest(try BodyReader.parse(bytes)) }
        attempt { () throws(Problem) in _ = try LiveMessage(bytes) }
        if taken == 0, let first { throw Refusal(first) }
        return taken
    }

    /// The name that a client gives itself, in its one form; nil if it is none.
    package static func workerName(_ text: String) -> String? { WorkerName.normal(text) }

    /// The secret in a `Cookie` field; nil if there is none.
    package static func secret(inCookies field: String) -> String? { Session.secret(in: field) }

    private static func request(query: String) -> Request {
        Request(
            head: HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/workflows?" + query),
            body: RequestBody(buffer: ByteBuffer()))
    }
}
