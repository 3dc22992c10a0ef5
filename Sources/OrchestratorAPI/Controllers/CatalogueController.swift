import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import WorkflowCore
import WorkflowDefinitions
import WorkflowStorage

/// What there is besides workflows: definitions and agents.
struct CatalogueController: Sendable {
    /// Most agents that are listed.
    static let maxAgents = 1000

    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/definitions", definitions)
        routes.on(.get, "/api/v1/definitions/{name}", definition)
        routes.on(.post, "/api/v1/definitions/validate", validate)
        routes.on(.get, "/api/v1/agents", agents)
        routes.on(.get, "/api/v1/agents/{id}", agent)
    }

    // MARK: Definitions

    @Sendable private func definitions(_ request: Request, _ context: APIContext) async throws -> Response {
        try QueryReader(request, allowed: []).check()
        let newest = try await services.definitions.newestByName().values.map(\.stored).sorted { $0.name < $1.name }
        return Response(json: page(newest.map(\.item)))
    }

    @Sendable private func definition(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryReader(request, allowed: ["version"])
        let wanted = query.number("version", in: 1...Int64(Int32.max), default: 0)
        try query.check()
        let name = context.parameters.get("name") ?? ""
        let version = wanted == 0 ? nil : Int(wanted)
        guard let stored = try await services.orchestrator.definitions.definition(named: name, version: version) else {
            let names = try await services.definitions.newestByName().keys.sorted()
            let meant = closestMatch(name, in: names).map { "; did you mean '\($0)'?" } ?? ""
            let what = "'\(WorkflowRequest.shortened(name))'" + (version.map { " in version \($0)" } ?? "")
            throw Problem.notFound("there is no definition \(what); there are \(names.joined(separator: ", "))\(meant)")
        }
        return Response(json: stored.document)
    }

    @Sendable private func validate(_ request: Request, _ context: APIContext) async throws -> Response {
        try BodyReader.requireType(
            of: request,
            ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "application/json", "text/plain"])
        let bytes = try await services.bodies.bytes(of: request)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Problem.brokenBody("the body is not UTF-8; expected a definition as YAML or JSON")
        }
        do throws(DefinitionErrors) {
            let definition = try DefinitionParser.parse(text: text, fileName: "definition")
            return Response(
                json: [
                    "valid": true, "name": .string(definition.name), "stage_count": JSONValue(definition.stages.count),
                    "errors": [],
                ])
        } catch {
            let faults = error.faults.map { fault -> JSONValue in
                [
                    "line": JSONValue(fault.line), "column": JSONValue(fault.column),
                    "pointer": .string("\(fault.pointer)"), "message": .string(fault.message),
                ]
            }
            return Response(json: ["valid": false, "errors": .array(faults)])
        }
    }

    // MARK: Agents

    @Sendable private func agents(_ request: Request, _ context: APIContext) async throws -> Response {
        try QueryReader(request, allowed: []).check()
        return Response(json: page(try await services.store.agents(limit: Self.maxAgents).map(\.document)))
    }

    @Sendable private func agent(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = context.parameters.get("id") ?? ""
        guard let agent = try await services.store.agent(id) else {
            throw Problem.notFound("no agent '\(WorkflowRequest.shortened(id))' was ever heard")
        }
        return Response(json: agent.document)
    }
}
