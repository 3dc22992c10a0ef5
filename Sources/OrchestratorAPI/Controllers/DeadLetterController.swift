import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import TaskTransport
import WorkflowCore
import WorkflowStorage

/// Dead letters: messages that could not be taken, and tasks whose attempts are spent.
struct DeadLetterController: Sendable {
    let services: APIServices
    private let workflows: WorkflowController

    init(_ services: APIServices, _ workflows: WorkflowController) {
        self.services = services
        self.workflows = workflows
    }

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/dead-letters", readsQuery: true, list)
        routes.on(.get, "/api/v1/dead-letters/{id}", show)
        routes.on(.delete, "/api/v1/dead-letters/{id}", deed: "dropDeadLetter", drop)
        routes.on(.post, "/api/v1/dead-letters/{id}/redrive", deed: "redriveDeadLetter", redrive)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var reader = QueryReader(
            request, allowed: ["kind", "state", "cause_class", "workflow_id", "limit", "cursor"])
        var query = DeadLetterQuery(tenant: try context.knownCaller.tenant)
        query.kind = reader.word("kind", of: ["message", "task"])
        let states = DeadLetterState.allCases.map(\.rawValue) + ["all"]
        if let state = reader.word("state", of: states) { query.state = DeadLetterState(rawValue: state) }
        query.causeClass = reader.text("cause_class")
        query.workflowID = Self.id(&reader, "workflow_id", "this is not the id of a workflow")
        let page = PageRequest(&reader, count: 2) { Int64($0[0]) != nil && UniqueID($0[1]) != nil }
        if let after = page.after, let moment = Int64(after[0]), let id = UniqueID(after[1]) {
            query.after = DeadLetterQuery.Place(createdAt: Timestamp(microseconds: moment), id: id)
        }
        query.limit = page.limit + 1
        try reader.check()
        return page.response(
            try await services.store.deadLetters(query), { .object($0.document) },
            cursor: { ["\($0.createdAt.microseconds)", "\($0.id)"] })
    }

    private static func id(_ reader: inout QueryReader, _ name: String, _ message: String) -> UniqueID? {
        guard let text = reader.text(name) else { return nil }
        let id = UniqueID(text)
        if id == nil { reader.refuse(name, message) }
        return id
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        Response(json: .object(try await letter(context, try context.knownCaller).document))
    }

    @Sendable private func drop(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let letter = try await openLetter(context, caller)
        guard
            try await services.store.resolveDeadLetter(
                letter.row.id, tenant: caller.tenant, as: .dropped, actor: caller.name)
        else { throw Self.resolved(try await self.letter(context, caller).row) }
        return Response(status: .noContent)
    }

    // MARK: Redriving

    /// A message goes back onto its stream; for a task the workflow is retried from its stage.
    @Sendable private func redrive(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        _ = try await services.bodies.fields(of: request, allowed: [])
        let letter = try await openLetter(context, caller)
        if let stage = letter.row.stage, let workflowID = letter.row.workflowID {
            // The record marks the letters of a workflow that runs again by itself.
            let wish = RetryRequest(actor: caller.name, fromStage: stage)
            let workflow = try await workflows.apply(.retry(wish), to: workflowID, caller)
            return Response(
                status: .accepted, json: ["dead_letter": try await again(context, caller), "workflow": workflow])
        }
        try await restore(letter)
        // If the mark is lost the letter stays open: redriving it twice does no harm, losing it would.
        _ = try await services.store.resolveDeadLetter(
            letter.row.id, tenant: caller.tenant, as: .redriven, actor: caller.name)
        return Response(status: .accepted, json: ["dead_letter": try await again(context, caller), "workflow": .null])
    }

    private func restore(_ letter: DeadLetterContent) async throws {
        let row = letter.row
        guard letter.isWhole else {
            throw Self.conflict(
                row, "only \(letter.bytes.count) of its \(row.sizeBytes) bytes were kept, so it can't be sent again")
        }
        guard let stream = RestorableStream(named: row.source, in: services.orchestrator.road.names) else {
            throw Self.conflict(row, "it came from '\(row.source)', which is no stream that it could go back onto")
        }
        do throws(TransportError) {
            try await services.orchestrator.road.restore(letter.bytes, to: stream)
        } catch {
            throw Problem.unavailable("Redis can't be reached")
        }
    }

    // MARK: Letters

    private func letter(_ context: APIContext, _ caller: Caller) async throws -> DeadLetterContent {
        let text = context.parameters.get("id") ?? ""
        guard let id = UniqueID(text) else {
            throw Problem.notFound("'\(WorkflowRequest.shortened(text))' is not the id of a dead letter")
        }
        guard let letter = try await services.store.deadLetter(id, tenant: caller.tenant) else {
            throw Problem.notFound("there is no dead letter \(id)")
        }
        return letter
    }

    private func openLetter(_ context: APIContext, _ caller: Caller) async throws -> DeadLetterContent {
        let letter = try await letter(context, caller)
        guard letter.row.state == .open else { throw Self.resolved(letter.row) }
        return letter
    }

    private func again(_ context: APIContext, _ caller: Caller) async throws -> JSONValue {
        .object(try await letter(context, caller).row.document)
    }

    private static func resolved(_ row: DeadLetterRow) -> Problem {
        let by = row.resolvedBy.map { " by \($0)" } ?? ""
        return conflict(row, "it was \(row.state.rawValue)\(by) already")
    }

    private static func conflict(_ row: DeadLetterRow, _ why: String) -> Problem {
        Problem(
            status: .conflict, kind: "conflict", title: "The dead letter's state doesn't allow this", detail: why,
            members: ["dead_letter_id": JSONValue(row.id), "dead_letter_state": .string(row.state.rawValue)])
    }
}
