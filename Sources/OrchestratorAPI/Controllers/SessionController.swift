import HTTPTypes
import Hummingbird
import JSONTools
import WorkflowStorage

/// Login of browsers: a token is exchanged for a cookie.
struct SessionController: Sendable {
    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.open(.post, "/api/v1/login", login)
        routes.on(.post, "/api/v1/logout", needs: .fetch, deed: "logout", logout)
    }

    @Sendable private func login(_ request: Request, _ context: APIContext) async throws -> Response {
        try Session.requireSameOrigin(request, hasCookie: false)
        var reader = FieldReader(try await services.bodies.object(of: request), allowed: ["token"])
        let given = reader.text("token", isRequired: true)
        guard reader.faults.isEmpty, let given else { throw Problem.invalid(reader.faults) }
        let token = try await services.tokens.token(
            presenting: given, from: context.channel.remoteAddress?.ipAddress ?? "?")
        guard token.sessionOf == nil, let id = token.id else { throw Problem.unauthorized("this is no token") }
        let secret = "session_" + Base64URL.random(bytes: 32)
        let end = Timestamp.now() + .seconds(Session.seconds)
        var session = TokenRow(
            hash: SHA256Digest.hex(of: Array(secret.utf8)), name: token.name, role: token.role, tenant: token.tenant)
        session.workers = token.workers
        session.createdBy = token.name
        session.sessionOf = id
        session.expiresAt = token.expiresAt.map { min($0, end) } ?? end
        let caller = Caller(name: token.name, role: Caller.Role(rawValue: token.role) ?? .viewer, tenant: token.tenant)
        let entry = APIRouter.entry("login", by: caller, context, status: .ok)
        let entryID = try await services.audit.begin(entry)
        try await services.store.keep(session)
        try await services.store.endSessions(of: id, keeping: Session.maxOfToken)
        await services.audit.end(entryID, as: entry)
        return Response(
            json: [
                "name": .string(token.name), "role": .string(token.role), "expires_at": JSONValue(session.expiresAt),
            ],
            headers: [.setCookie: Session.setCookie(secret, seconds: Session.seconds, isSecure: Self.isSecure(request))]
        )
    }

    @Sendable private func logout(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        _ = try await services.bodies.fields(of: request, allowed: [])
        if caller.isSession, let row = try await services.store.token(hash: caller.tokenHash), let id = row.id {
            _ = try await services.store.revokeToken(id, tenant: caller.tenant, actor: caller.name)
            services.tokens.forget()
        }
        return Response(
            status: .noContent,
            headers: [.setCookie: Session.setCookie(nil, seconds: 0, isSecure: Self.isSecure(request))])
    }

    private static func isSecure(_ request: Request) -> Bool {
        HTTPField.Name("X-Forwarded-Proto").flatMap { request.headers[$0] }?.lowercased() == "https"
    }
}
