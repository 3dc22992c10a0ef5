import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// `/ws`: lets clients in, and tells those who can't get in why.
struct LiveController: Sendable {
    /// Most live clients at a time.
    static let maxClients = 1000
    /// How much the kernel may hold for a client, in bytes; Linux takes twice as much.
    static let sendBufferBytes: SocketOptionValue = 64 * 1024
    static let paths: Set<String> = ["/ws", "/api/v1/ws"]

    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        for path in Self.paths.sorted() { routes.on(.get, path, refuse) }
    }

    /// Answers a request that is no upgrade, or that was not let in.
    @Sendable private func refuse(_ request: Request, _ context: APIContext) async throws -> Response {
        if let origin = request.headers[.origin], !Session.isOurs(origin, host: request.head.authority) {
            throw Problem.forbidden("a page of '\(WorkflowRequest.shortened(origin))' asks for this")
        }
        if request.headers[.upgrade]?.lowercased() == "websocket" {
            if try context.knownCaller.isSession, request.headers[.origin] == nil {
                throw Problem.forbidden("a WebSocket with a browser's cookie has to say its Origin")
            }
            guard services.liveClients.hasRoom else { throw Problem.busy(retryAfterSeconds: 5) }
        }
        var problem = Problem(
            status: .upgradeRequired, kind: "upgrade-required", title: "This takes a WebSocket",
            detail: "expected a WebSocket handshake (RFC 6455, version 13) as the first request of its connection")
        problem.headers[.upgrade] = "websocket"
        throw problem
    }

    /// Who asks for a WebSocket; nil if the request is to be answered like any other.
    @Sendable func admit(_ head: HTTPRequestHead, from address: String) async -> Caller? {
        let path = head.uri.prefix { $0 != "?" }
        guard Self.paths.contains(String(path)), head.method == .GET, services.liveClients.hasRoom else { return nil }
        if let origin = head.headers.first(name: "Origin"),
            !Session.isOurs(origin, host: head.headers.first(name: "Host"))
        {
            return nil
        }
        var caller: Caller?
        if let field = head.headers.first(name: "Authorization") {
            guard let secret = try? AccessMiddleware.secret(in: field) else { return nil }
            caller = try? await services.tokens.caller(presenting: secret, from: address)
        } else if let secret = Session.secret(in: head.headers.first(name: "Cookie")) {
            // Browsers say who opens a WebSocket; that it is one of our pages was seen above.
            guard head.headers.first(name: "Origin") != nil else { return nil }
            caller = try? await services.tokens.caller(presenting: secret, from: address)
            if caller?.isSession != true { caller = nil }
        }
        guard let caller, caller.role.allows(.look), services.rates.take(caller.tokenHash) == nil else { return nil }
        guard let name = head.headers.first(name: WorkerName.header) else { return caller }
        return try? WorkerName.apply(name, to: caller)
    }

    /// Talks to a client until it goes.
    @Sendable func serve(_ live: NIOAsyncChannel<WebSocketFrame, WebSocketFrame>, _ caller: Caller) async {
        guard let place = services.liveClients.take() else {
            live.channel.close(promise: nil)
            return
        }
        do {
            // What waits for a client that doesn't read is bounded in the kernel, too.
            try await live.channel.setOption(.socketOption(.so_sndbuf), value: Self.sendBufferBytes).get()
        } catch {
            services.logger.debug("a client went at once", metadata: ["error": "\(error)"])
        }
        await LiveSession.run(live, caller, services)
        withExtendedLifetime(place) {}
    }
}
