import HTTPTypes
import Hummingbird
import JSONTools
import WorkflowStorage

/// Access tokens: made, listed and revoked by admins.
struct TokenController: Sendable {
    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/tokens", needs: .administer, readsQuery: true, list)
        routes.on(.post, "/api/v1/tokens", needs: .administer, deed: "createToken", create)
        routes.on(.delete, "/api/v1/tokens/{id}", needs: .administer, deed: "revokeToken", revoke)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        var reader = QueryReader(request, allowed: PageRequest.names)
        let page = PageRequest(&reader, default: WorkflowListRequest.maxLimit, count: 2) {
            Int64($0[0]) != nil && UniqueID($0[1]) != nil
        }
        try reader.check()
        var place: (createdAt: Timestamp, id: UniqueID)?
        if let after = page.after, let moment = Int64(after[0]), let id = UniqueID(after[1]) {
            place = (Timestamp(microseconds: moment), id)
        }
        let tokens = try await services.store.tokens(tenant: caller.tenant, after: place, limit: page.limit + 1)
        return page.response(
            tokens, { .object($0.document(for: caller)) },
            cursor: { ["\($0.createdAt?.microseconds ?? 0)", $0.id.map { "\($0)" } ?? ""] })
    }

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let wanted = try TokenRequest(try await services.bodies.object(of: request))
        let secret = "baton_" + Base64URL.random(bytes: 32)
        var row = TokenRow(
            hash: SHA256Digest.hex(of: Array(secret.utf8)), name: wanted.name, role: wanted.role.rawValue,
            tenant: caller.tenant)
        row.expiresAt = wanted.expiresAt
        row.workers = wanted.workers
        row.createdBy = caller.name
        guard let kept = try await services.store.keepNew(row) else {
            throw Problem(
                status: .conflict, kind: "conflict", title: "There is such a token already",
                detail: "a valid token is named '\(wanted.name)'; revoke it first, or choose another name")
        }
        context.note.target = kept.id.map { "\($0)" }
        context.note.detail = "\(wanted.name), \(wanted.role.rawValue)"
        var document = kept.document(for: caller)
        document["token"] = .string(secret)
        return Response(status: .created, json: .object(document))
    }

    @Sendable private func revoke(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let text = context.parameters.get("id") ?? ""
        guard let id = UniqueID(text) else {
            throw Problem.notFound("'\(WorkflowRequest.shortened(text))' is not the id of a token")
        }
        guard !services.tokens.isAdminFile(id) else {
            throw Problem(
                status: .conflict, kind: "conflict", title: "This token can't be revoked",
                detail: "it lies in the file admin-token of the data directory; delete that file and restart the "
                    + "orchestrators, then another takes its place")
        }
        guard try await services.store.revokeToken(id, tenant: caller.tenant, actor: caller.name) else {
            throw Problem.notFound("there is no token \(id)")
        }
        services.tokens.forget()
        return Response(status: .noContent)
    }
}

extension TokenRow {
    /// What may be known of it; never its secret, nor the hash of it.
    func document(for caller: Caller) -> JSONObject {
        [
            "id": id.map { JSONValue($0) } ?? .null, "name": .string(name), "role": .string(role),
            "workers": workers.map { names in JSONValue.array(names.map { .string($0) }) } ?? .null,
            "created_by": .string(createdBy),
            "created_at": JSONValue(createdAt), "expires_at": JSONValue(expiresAt),
            "revoked_at": JSONValue(revokedAt), "revoked_by": JSONValue(revokedBy),
            "is_own": .bool(hash == caller.tokenHash),
        ]
    }
}
