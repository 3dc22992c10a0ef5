import HTTPTypes
import Hummingbird
import JSONTools
import WorkflowStorage

/// Who did what, for admins.
struct AuditController: Sendable {
    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/audit", needs: .administer, readsQuery: true, list)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var reader = QueryReader(request, allowed: ["actor", "action", "target"] + PageRequest.names)
        var query = AuditQuery(tenant: try context.knownCaller.tenant)
        query.actor = reader.text("actor")
        query.action = reader.text("action")
        query.target = reader.text("target")
        let page = PageRequest(&reader, count: 1) { Int64($0[0]) != nil }
        query.limit = page.limit + 1
        query.before = page.after.flatMap { Int64($0[0]) }
        try reader.check()
        return page.response(try await services.store.audit(query), \.document) { ["\($0.id)"] }
    }
}

extension AuditEntry {
    var document: JSONValue {
        [
            "id": .integer(id), "at": JSONValue(at), "actor": .string(actor), "role": .string(role),
            "action": .string(action), "target": JSONValue(target), "status": JSONValue(status),
            "detail": .string(detail),
        ]
    }
}
