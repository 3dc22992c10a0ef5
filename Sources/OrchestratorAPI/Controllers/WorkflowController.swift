import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import PostgresDriver
import WorkflowCore
import WorkflowStorage

/// Workflows: create, list, show, cancel.
struct WorkflowController: Sendable {
    /// Most requests that wait to be recorded at a time; more get a 429.
    static let maxWaitingWrites = 1000

    let services: APIServices
    private let writes = StreamLimit(maximum: maxWaitingWrites)

    init(_ services: APIServices) {
        self.services = services
    }

    func addRoutes(to routes: inout RouteList) {
        routes.on(.post, "/api/v1/workflows", create)
        routes.on(.get, "/api/v1/workflows", list)
        routes.on(.get, "/api/v1/workflows/{id}", show)
        routes.on(.post, "/api/v1/workflows/{id}/cancel", cancel)
    }

    // MARK: Creating

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.changingCaller
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
        case .done(let id):
            return await created(id, wanted, caller)
        case .repeated(let id):
            return Response(status: .ok, json: try await document(of: id, caller))
        case .keyReused(let id):
            throw Problem.keyReused(of: id)
        case .overloaded(let seconds):
            throw Problem.busy(retryAfterSeconds: seconds)
        case .unavailable(let reason):
            throw Problem.unavailable(reason)
        case .refused(let reason):
            throw Problem.invalid([Problem.Fault(pointer: "", message: "the record refuses this: \(reason)")])
        case .conflict, .unknownWorkflow, .rejected:
            throw Problem.internalFault
        }
    }

    private static func headerKey(of request: Request) -> String? {
        guard let name = HTTPField.Name("Idempotency-Key") else { return nil }
        return request.headers[name]
    }

    /// 201 even if the record goes away now: the workflow exists.
    private func created(_ id: UniqueID, _ wanted: WorkflowRequest, _ caller: Caller) async -> Response {
        let document: JSONValue
        do {
            document = try await self.document(of: id, caller)
        } catch {
            document = [
                "id": JSONValue(id), "type": .string(wanted.type), "name": .string(wanted.name),
                "status": "initiated", "stages": [],
            ]
        }
        return Response(status: .created, json: document, headers: [.location: "/api/v1/workflows/\(id)"])
    }

    // MARK: Showing

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        return Response(json: try await document(of: try Self.id(in: context), caller))
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

    private func document(of id: UniqueID, _ caller: Caller) async throws -> JSONValue {
        guard let detail = try await services.store.workflow(id, tenant: caller.tenant) else {
            throw Problem.notFound("there is no workflow \(id)")
        }
        guard let definition = try await services.definitions.definition(hash: detail.definitionHash),
            definition.stages.count == detail.state.stages.count
        else { throw Problem.internalFault }
        return WorkflowDocument.detail(detail, definition: definition, isRedisUp: services.isRedisUp())
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let query = try WorkflowListRequest.query(from: request, tenant: try context.knownCaller.tenant)
        var rows = try await services.store.workflows(query, judgesSilence: services.isRedisUp())
        var next: String?
        if rows.count > query.limit {
            rows.removeLast(rows.count - query.limit)
            next = rows.last.map { WorkflowListRequest.cursor(after: $0, in: query) }
        }
        return Response(json: page(rows.map(WorkflowDocument.item), next: next))
    }

    // MARK: Cancelling

    @Sendable private func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.changingCaller
        let id = try Self.id(in: context)
        let reason = try await self.reason(in: request)
        guard let isTerminal = try await services.store.isTerminal(id, tenant: caller.tenant) else {
            throw Problem.notFound("there is no workflow \(id)")
        }
        let outcome: SubmissionOutcome
        if isTerminal {
            outcome = .conflict(.completed)
        } else {
            guard let place = writes.take() else { throw Problem.busy() }
            outcome = await services.orchestrator.advancer.submit(
                .event(.cancel(actor: caller.name, reason: reason), workflowID: id))
            withExtendedLifetime(place) {}
        }
        switch outcome {
        case .done, .repeated:
            return Response(status: .accepted, json: try await document(of: id, caller))
        case .conflict:
            let present = try await document(of: id, caller)
            let status = present["status"]?.stringValue ?? "ended"
            throw Problem.conflict(
                "one that has ended can't be cancelled", id: id, status: status)
        case .unknownWorkflow:
            throw Problem.notFound("there is no workflow \(id)")
        case .overloaded(let seconds):
            throw Problem.busy(retryAfterSeconds: seconds)
        case .unavailable(let reason):
            throw Problem.unavailable(reason)
        case .refused, .keyReused, .rejected:
            throw Problem.internalFault
        }
    }

    /// The reason in the body, which may be missing altogether.
    private func reason(in request: Request) async throws -> String {
        let bytes = try await services.bodies.bytes(of: request)
        guard bytes.contains(where: { $0 > 0x20 }) else { return "" }
        try BodyReader.requireType(of: request, ["application/json"])
        var reader = FieldReader(try BodyReader.parse(bytes), allowed: ["reason"])
        let reason = reader.text("reason") ?? ""
        if reason.unicodeScalars.count > 1000 {
            reader.fault("/reason", "found \(reason.unicodeScalars.count) characters; expected at most 1000")
        }
        guard reader.faults.isEmpty else { throw Problem.invalid(reader.faults) }
        return reason
    }
}
