import AsyncHTTPClient
import Foundation
import JSONTools
import NIOCore
import NIOHTTP1

/// The HTTP client of this process. It lives as long as the process, so nobody shuts it down.
private enum HTTP {
    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(5)
        // A port on which nobody listens is an answer; whoever can wait for a server asks again.
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()
}

/// The REST API, as far as the command line uses it.
struct APIClient: Sendable {
    /// An answer larger than this is refused.
    static let maxAnswerBytes = 64 << 20

    let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    /// Asks for a document below `/api/v1`.
    ///
    /// - Throws: what the problem document says; `.unavailable` if nothing answers.
    func get(_ path: String, _ query: [(String, String)] = []) async throws(CommandError) -> JSONValue {
        try json(await send(.GET, path, query, body: nil))
    }

    /// Asks for a list below `/api/v1`, page by page.
    ///
    /// - Parameters:
    ///   - count: no more than so many items.
    ///   - pageSize: how many a page may hold at most; nil for as many as the server gives by itself.
    func list(
        _ path: String, _ query: [(String, String)] = [], atMost count: Int = .max, pageSize: Int? = nil
    ) async throws(CommandError) -> ListAnswer {
        var list = ListAnswer()
        repeat {
            var query = query
            if let pageSize { query.append(("limit", "\(min(count - list.items.count, pageSize))")) }
            if let next = list.next { query.append(("cursor", next)) }
            let page = try await get(path, query)
            list.items += page["items"]?.arrayValue ?? []
            let next = page["next_cursor"]?.stringValue
            guard next == nil || next != list.next else {
                throw CommandError(.software, "\(path) goes on with the same page for ever", hint: nil)
            }
            list.next = next
        } while list.next != nil && list.items.count < count
        return list
    }

    /// Sends a document below `/api/v1`.
    func post(_ path: String, _ body: JSONValue?) async throws(CommandError) -> JSONValue {
        try json(await send(.POST, path, [], body: body?.encoded(), contentType: "application/json"))
    }

    /// Deletes what is below `/api/v1`.
    func delete(_ path: String) async throws(CommandError) { _ = try await send(.DELETE, path, [], body: nil) }

    /// Sends bytes of any type below `/api/v1`.
    func post(_ path: String, bytes: [UInt8], contentType: String) async throws(CommandError) -> JSONValue {
        try json(await send(.POST, path, [], body: bytes, contentType: contentType))
    }

    /// Fetches bytes below `/api/v1`, such as an artifact.
    func bytes(_ path: String) async throws(CommandError) -> [UInt8] { try await send(.GET, path, [], body: nil) }

    /// The events of a stream below `/api/v1`, until the server ends it.
    ///
    /// - Parameter after: the id of the last event that is known already; "" for all.
    func stream(
        _ path: String,
        _ query: [(String, String)],
        after: String,
        _ receive: (ServerSentEvent) async -> Void
    ) async throws(CommandError) {
        var request = request(.GET, path, query + [("stream", "true")])
        request.headers.replaceOrAdd(name: "Accept", value: "text/event-stream")
        if !after.isEmpty { request.headers.add(name: "Last-Event-ID", value: after) }
        do {
            let response = try await HTTP.client.execute(request, timeout: .hours(24))
            guard response.status.code == 200 else {
                let body = try await response.body.collect(upTo: 1 << 20)
                throw Problem.error(
                    status: Int(response.status.code), body: Array(body.readableBytesView), request: path)
            }
            var parser = ServerSentEventParser()
            for try await piece in response.body {
                for event in parser.feed(piece.readableBytesView) { await receive(event) }
            }
        } catch let error as CommandError {
            throw error
        } catch {
            throw unreachable(error)
        }
    }

    private func send(
        _ method: HTTPMethod,
        _ path: String,
        _ query: [(String, String)],
        body: [UInt8]?,
        contentType: String? = nil
    ) async throws(CommandError) -> [UInt8] {
        var request = request(method, path, query)
        if let body {
            request.body = .bytes(ByteBuffer(bytes: body))
            if let contentType { request.headers.add(name: "Content-Type", value: contentType) }
        }
        do {
            let response = try await execute(request)
            let answer = Array(try await response.body.collect(upTo: Self.maxAnswerBytes).readableBytesView)
            guard (200..<300).contains(response.status.code) else {
                throw Problem.error(
                    status: Int(response.status.code), body: answer, request: "\(method.rawValue) \(path)")
            }
            return answer
        } catch let error as CommandError {
            throw error
        } catch {
            throw unreachable(error)
        }
    }

    /// A kept connection may be closed by the server at the moment of its reuse; what changes nothing is asked once
    /// more.
    private func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            return try await HTTP.client.execute(request, timeout: .seconds(30))
        } catch {
            guard request.method == .GET, !Task.isCancelled else { throw error }
            return try await HTTP.client.execute(request, timeout: .seconds(30))
        }
    }

    private func request(_ method: HTTPMethod, _ path: String, _ query: [(String, String)]) -> HTTPClientRequest {
        var components = URLComponents()
        components.queryItems = query.isEmpty ? nil : query.map { URLQueryItem(name: $0.0, value: $0.1) }
        let encoded = components.percentEncodedQuery.map { "?" + $0.replacing("+", with: "%2B") } ?? ""
        var request = HTTPClientRequest(url: "\(connection.url)/api/v1\(path)\(encoded)")
        request.method = method
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "baton/\(BatonVersion.current)")
        if let token = connection.token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        return request
    }

    private func json(_ bytes: [UInt8]) throws(CommandError) -> JSONValue {
        if bytes.isEmpty { return .null }
        do {
            return try JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: Self.maxAnswerBytes))
        } catch {
            throw CommandError(
                .software, "\(connection.url) does not answer with JSON: \(error)",
                hint: "BATON_URL must name Baton's API")
        }
    }

    private func unreachable(_ error: any Error) -> CommandError {
        CommandError(
            .unavailable, "no answer from \(connection.url): \(error)",
            hint:
                "`\(CommandName.current) status` shows what runs, `\(CommandName.current) up --detach` starts the stack"
        )
    }
}

/// What was read of a list.
struct ListAnswer: Sendable {
    var items: [JSONValue] = []
    /// The cursor of what comes after; nil if that was all.
    var next: String?

    /// The document of `--json`.
    var document: JSONValue { ["items": .array(items), "next_cursor": next.map { .string($0) } ?? .null] }
}

/// An answer of anything that speaks HTTP, such as a deployed app.
enum PlainHTTP {
    /// Sends a request and gives status and text of the answer; nil if there is none.
    static func ask(_ method: String, _ url: String, body: JSONValue? = nil) async -> (status: Int, text: String)? {
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method)
        if let body {
            request.body = .bytes(ByteBuffer(bytes: body.encoded()))
            request.headers.add(name: "Content-Type", value: "application/json")
        }
        guard let response = try? await HTTP.client.execute(request, timeout: .seconds(5)),
            let answer = try? await response.body.collect(upTo: 1 << 20)
        else { return nil }
        return (Int(response.status.code), String(decoding: answer.readableBytesView, as: UTF8.self))
    }
}
