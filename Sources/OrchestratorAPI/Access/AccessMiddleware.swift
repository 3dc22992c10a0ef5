import HTTPTypes
import Hummingbird

/// Lets in who has a valid token, or a session that a browser got for one.
struct AccessMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let tokens: TokenRegistry
    let rates: RateLimiter

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let address = context.channel.remoteAddress?.ipAddress ?? "?"
        let caller = try await caller(of: request, from: address)
        if let seconds = rates.take(caller.tokenHash) { throw Problem.rateLimited(retryAfterSeconds: seconds) }
        context.caller = caller
        return try await next(request, context)
    }

    private func caller(of request: Request, from address: String) async throws -> Caller {
        var caller: Caller
        if let field = request.headers[.authorization] {
            caller = try await tokens.caller(presenting: try Self.secret(in: field), from: address)
        } else if let secret = Session.secret(in: request.headers[.cookie]) {
            try Session.requireSameOrigin(request)
            caller = try await tokens.caller(presenting: secret, from: address)
            guard caller.isSession else { throw Problem.unauthorized("the cookie holds no session") }
        } else {
            throw Problem.unauthorized("there is no Authorization header")
        }
        if let name = HTTPField.Name(WorkerName.header), let worker = request.headers[name] {
            caller = try WorkerName.apply(worker, to: caller)
        }
        return caller
    }

    static func secret(in field: String) throws(Problem) -> String {
        let words = field.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            throw .unauthorized("the Authorization header is not 'Bearer TOKEN'")
        }
        return String(words[1])
    }
}

extension APIContext {
    /// Who asks.
    ///
    /// - Throws: 401 on a route that was not guarded.
    var knownCaller: Caller {
        get throws(Problem) {
            guard let caller else { throw .unauthorized("this takes a token") }
            return caller
        }
    }
}
