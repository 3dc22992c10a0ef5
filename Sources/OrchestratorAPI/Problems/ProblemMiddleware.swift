import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PostgresDriver

/// Turns every error into a problem document and puts the security headers on every answer.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = APIContext

    /// How long what is left of a request is read and dropped before its connection is closed, so that the answer
    /// arrives first.
    static let lingering: TimeAmount = .seconds(2)

    let routes: RouteList

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            let problem = problem(for: error, request, context)
            response = problem.response(instance: request.uri.path)
            if problem.closesConnection {
                let channel = context.channel
                channel.eventLoop.scheduleTask(in: Self.lingering) { channel.close(promise: nil) }
            }
        }
        Self.protect(&response.headers)
        guard request.method == .head else { return response }
        // Where there is a route, the router takes the body away by itself.
        let hasRoute = !routes.methods(at: request.uri.path).isEmpty
        return hasRoute ? response : response.createHeadResponse()
    }

    private func problem(for error: any Error, _ request: Request, _ context: APIContext) -> Problem {
        switch error {
        case let problem as Problem:
            return problem
        case let error as PostgresError:
            let problem = Problem(error)
            if problem.status == .internalServerError {
                context.logger.error(
                    "a request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            }
            return problem
        case let error as HTTPError where error.status == .notFound:
            let allowed = routes.methods(at: request.uri.path)
            guard allowed.isEmpty else { return .methodNotAllowed(request.method.rawValue, allowed: allowed) }
            return .notFound("there is nothing at \(request.uri.path); the API begins at /api/v1")
        case let error as HTTPError:
            return Problem(
                status: error.status, kind: "refused", title: error.status.reasonPhrase,
                detail: error.body ?? error.status.reasonPhrase)
        case is CancellationError:
            return .unavailable("the orchestrator is shutting down")
        default:
            context.logger.error("a request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return .internalFault
        }
    }

    /// Nothing that the API sends is to be rendered, sniffed, framed or cached.
    private static func protect(_ headers: inout HTTPFields) {
        headers[.xContentTypeOptions] = "nosniff"
        if headers[.contentSecurityPolicy] == nil {
            headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        }
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        if let referrer = HTTPField.Name("Referrer-Policy") { headers[referrer] = "no-referrer" }
    }
}
