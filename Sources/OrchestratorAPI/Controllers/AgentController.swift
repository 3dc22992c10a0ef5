import HTTPTypes
import Hummingbird
import JSONTools
import WorkflowStorage

/// Who works.
struct AgentController: Sendable {
    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/agents", readsQuery: true, agents)
        routes.on(.get, "/api/v1/agents/{id}", agent)
        routes.on(.post, "/api/v1/agents/{id}/drain", needs: .administer, deed: "drainAgent", drain)
    }

    @Sendable private func agents(_ request: Request, _ context: APIContext) async throws -> Response {
        var reader = QueryReader(request, allowed: ["type", "status"] + PageRequest.names)
        var query = AgentQuery()
        query.type = reader.text("type")
        switch reader.word("status", of: AgentRow.statuses) {
        case "running": (query.isGone, query.isHeard) = (false, true)
        case "silent": (query.isGone, query.isHeard) = (false, false)
        case "stopped": query.isGone = true
        default: break
        }
        let page = PageRequest(
            &reader, upTo: PageRequest.largeLimit, default: PageRequest.largeLimit, count: 2
        ) { ["true", "false"].contains($0[0]) }
        query.limit = page.limit + 1
        query.after = page.after.map { AgentQuery.Place(isGone: $0[0] == "true", id: $0[1]) }
        try reader.check()
        return page.response(try await services.store.agents(query), \.document) {
            ["\($0.goneAt != nil)", $0.agentID]
        }
    }

    @Sendable private func agent(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = context.parameters.get("id") ?? ""
        guard let agent = try await services.store.agent(id) else {
            throw Problem.notFound("no agent '\(WorkflowRequest.shortened(id))' was ever heard")
        }
        return Response(json: agent.document)
    }

    @Sendable private func drain(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = context.parameters.get("id") ?? ""
        var reader = try await services.bodies.fields(of: request, allowed: ["drain"])
        let isWanted = reader.flag("drain", default: true)
        guard reader.faults.isEmpty else { throw Problem.invalid(reader.faults) }
        context.note.detail = isWanted ? "drain" : "take tasks again"
        guard let agent = try await services.store.drainAgent(id, isWanted) else {
            throw Problem.notFound("no agent '\(WorkflowRequest.shortened(id))' was ever heard")
        }
        return Response(status: .accepted, json: agent.document)
    }
}
