import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import PostgresDriver
import WorkflowCore
import WorkflowStorage

/// Workflows: create, list, show.
struct WorkflowController: Sendable {
    let services: APIServices
    private let writes: StreamLimit

    init(_ services: APIServices) {
        self.services = services
        writes = StreamLimit(maximum: services.settings.maxWaitingWrites)
    }

    func addRoutes(to routes: inout RouteList) {
        routes.on(.post, "/api/v1/workflows", deed: AuditQuery.commonAction, create)
        routes.on(.get, "/api/v1/workflows", readsQuery: true, list)
        routes.on(.get, "/api/v1/workflows/{id}", show)
    }

    // MARK: Creating

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let body = try await services.bodies.object(of: request)
        let definitions = try await services.definitions.newestByName()
        let wanted = try WorkflowRequest(
            body, headerKey: Self.headerKey(of: request), types: definitions.mapValues(\.rule))
        guard let entry = definitions[wanted.type] else { throw Problem.internalFault }
        let creation = Creation(
            type: wanted.type, definitionHash: entry.stored.hash, definitionVersion: entry.stored.version,
            name: wanted.name, description: wanted.description, requirements: wanted.requirements,
            priority: wanted.priority, input: wanted.input, traceID: wanted.traceID, tenant: caller.tenant,
            createdBy: caller.name, idempotencyKey: wanted.idempotencyKey, bodyHash: wanted.bodyHash)
        guard let place = writes.take() else { throw Problem.busy() }
        let outcome = await services.orchestrator.advancer.submit(.create(creation))
        withExtendedLifetime(place) {}
        switch outcome {
        case .created(let workflow):
            context.note.target = "\(workflow.id)"
            context.note.detail = "\(wanted.type) \(wanted.name)"
            return await created(workflow)
        case .repeated(let id):
            context.note.target = "\(id)"
            context.note.detail = "repeated"
            return Response(status: .ok, json: try await document(of: id, caller))
        case .keyReused(let id):
            throw Problem.keyReused(of: id)
        case .overloaded(let seconds):
            throw Problem.busy(retryAfterSeconds: seconds)
        case .unavailable(let reason):
            throw Problem.unavailable(reason)
        case .refused(let reason):
            throw Problem.invalid([Problem.Fault(pointer: "", message: "the record refuses this: \(reason)")])
        case .done, .conflict, .rejected, .unknownWorkflow:
            throw Problem.internalFault
        }
    }

    private static func headerKey(of request: Request) -> String? {
        guard let name = HTTPField.Name("Idempotency-Key") else { return nil }
        return request.headers[name]
    }

    /// 201 even if the record goes away now: the workflow exists. As it was recorded: the record is not asked for it.
    private func created(_ workflow: CreatedWorkflow) async -> Response {
        let document: JSONValue
        do {
            let detail = WorkflowDetail(workflow, livingAgents: try await services.agents.living())
            guard let definition = try await services.definitions.definition(hash: detail.definitionHash) else {
                throw Problem.internalFault
            }
            document = WorkflowDocument.detail(detail, definition: definition, isRedisUp: services.isRedisUp())
        } catch {
            document = [
                "id": JSONValue(workflow.id), "type": .string(workflow.workflow.facts.type),
                "name": .string(workflow.workflow.facts.name), "status": "initiated", "stages": [],
            ]
        }
        return Response(
            status: .created, json: document, headers: [.location: "/api/v1/workflows/\(workflow.id)"])
    }

    // MARK: Showing

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        return Response(document: try await document(of: try Self.id(in: context), caller), to: request)
    }

    /// The id in the path.
    ///
    /// - Throws: 404 if it is none: there can't be such a workflow.
    static func id(in context: APIContext) throws(Problem) -> UniqueID {
        let text = context.parameters.get("id") ?? ""
        guard let id = UniqueID(text) else {
            throw .notFound("'\(WorkflowRequest.shortened(text))' is not the id of a workflow")
        }
        return id
    }

    /// All about one workflow, with its definition.
    func detail(of id: UniqueID, _ caller: Caller) async throws -> (WorkflowDetail, WorkflowDefinition) {
        guard let detail = try await services.store.workflow(id, tenant: caller.tenant) else {
            throw Problem.notFound("there is no workflow \(id)")
        }
        guard let definition = try await services.definitions.definition(hash: detail.definitionHash),
            definition.stages.count == detail.state.stages.count
        else { throw Problem.internalFault }
        return (detail, definition)
    }

    private func document(of id: UniqueID, _ caller: Caller) async throws -> JSONValue {
        let (detail, definition) = try await detail(of: id, caller)
        return WorkflowDocument.detail(detail, definition: definition, isRedisUp: services.isRedisUp())
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let query = try WorkflowListRequest.query(from: request, tenant: try context.knownCaller.tenant)
        let found = try await services.store.workflows(query, judgesSilence: services.isRedisUp())
        let rows = found.rows.prefix(query.limit)
        let next =
            found.rows.count > query.limit
            ? rows.last.map { WorkflowListRequest.cursor(after: $0, in: query) }
            : found.searchedTo.map { WorkflowListRequest.cursor(after: $0, in: query) }
        return Response(json: page(rows.map(WorkflowDocument.item), next: next))
    }

    // MARK: Changing

    /// Hands an event to the machine of a workflow, and waits until it is recorded.
    ///
    /// - Returns: the workflow as it is then.
    /// - Throws: 404, 409 with the present state, 422, 429 or 503, as the case may be.
    func apply(_ event: WorkflowEvent, to id: UniqueID, _ caller: Caller) async throws -> JSONValue {
        guard try await services.store.isTerminal(id, tenant: caller.tenant) != nil else {
            throw Problem.notFound("there is no workflow \(id)")
        }
        guard let place = writes.take() else { throw Problem.busy() }
        let outcome = await services.orchestrator.advancer.submit(.event(event, workflowID: id))
        withExtendedLifetime(place) {}
        switch outcome {
        case .done, .repeated:
            return try await document(of: id, caller)
        case .conflict(let phase):
            throw try await refusal(.conflict(event: event.name, phase: phase), of: event, id, caller)
        case .rejected(let rejection):
            throw try await refusal(rejection, of: event, id, caller)
        case .unknownWorkflow:
            throw Problem.notFound("there is no workflow \(id)")
        case .overloaded(let seconds):
            throw Problem.busy(retryAfterSeconds: seconds)
        case .unavailable(let reason):
            throw Problem.unavailable(reason)
        case .refused(let reason):
            throw Problem.invalid([Problem.Fault(pointer: "", message: "the record refuses this: \(reason)")])
        case .created, .keyReused:
            throw Problem.internalFault
        }
    }

    /// What a caller is told about an event that the machine refused.
    func refusal(
        _ rejection: Rejection, of event: WorkflowEvent, _ id: UniqueID, _ caller: Caller
    ) async throws -> Problem {
        let (detail, definition) = try await detail(of: id, caller)
        let wait = WorkflowWait.find(in: detail, definition: definition, isRedisUp: services.isRedisUp())
        return Problem(
            rejection, event: event.name, id: id, status: wait?.status ?? detail.state.phase.rawValue,
            stages: definition.stages.map(\.name), version: detail.state.sequence)
    }
}
