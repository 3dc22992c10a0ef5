import HTTPTypes
import Hummingbird

/// Lets in who has a valid token.
struct AccessMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let tokens: TokenRegistry

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.caller = try await tokens.caller(presenting: try Self.secret(in: request.headers))
        return try await next(request, context)
    }

    private static func secret(in headers: HTTPFields) throws(Problem) -> String {
        guard let field = headers[.authorization] else { throw .unauthorized("there is no Authorization header") }
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

    /// Who asks, if it may change workflows.
    var changingCaller: Caller {
        get throws(Problem) {
            let caller = try knownCaller
            guard caller.role.changesWorkflows else { throw .forbidden(role: caller.role.rawValue) }
            return caller
        }
    }
}
