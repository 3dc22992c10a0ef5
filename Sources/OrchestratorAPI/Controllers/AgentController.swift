import HTTPTypes
import Hummingbird
import JSONTools
import WorkflowStorage

/// Who works.
struct AgentController: Sendable {
    /// Most agents that are listed.
    static let maxAgents = 1000

    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/agents", readsQuery: true, agents)
        routes.on(.get, "/api/v1/agents/{id}", agent)
        routes.on(.post, "/api/v1/agents/{id}/drain", needs: .administer, drain)
    }

    @Sendable private func agents(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryReader(request, allowed: ["type", "status"])
        let type = query.text("type")
        let status = query.word("status", of: AgentRow.statuses)
        try query.check()
        let rows = try await services.store.agents(limit: Self.maxAgents).filter { row in
            (type == nil || row.agentType == type) && (status == nil || row.status == status)
        }
        return Response(json: page(rows.map(\.document)))
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
        guard let agent = try await services.store.drainAgent(id, isWanted) else {
            throw Problem.notFound("no agent '\(WorkflowRequest.shortened(id))' was ever heard")
        }
        return Response(status: .accepted, json: agent.document)
    }
}
