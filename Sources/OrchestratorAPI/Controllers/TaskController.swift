import HTTPTypes
import Hummingbird
import JSONTools
import WorkflowCore
import WorkflowStorage

/// Attempts of all workflows.
struct TaskController: Sendable {
    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/tasks", readsQuery: true, list)
        routes.on(.get, "/api/v1/tasks/{id}", show)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var reader = QueryReader(request, allowed: ["status", "agent_type", "stage", "limit", "cursor"])
        var query = AttemptQuery(tenant: try context.knownCaller.tenant)
        let word = reader.word("status", of: TaskStatus.allCases.map(\.word))
        query.status = TaskStatus.allCases.first { $0.word == word }
        query.agentType = reader.text("agent_type")
        query.stage = reader.text("stage")
        let limit = Int(reader.number("limit", in: 1...WorkflowListRequest.maxLimit, default: 50))
        query.limit = limit + 1
        if let text = reader.text("cursor") {
            query.after = Self.place(text)
            if query.after == nil {
                reader.refuse("cursor", "this is no cursor; take next_cursor of the page before")
            }
        }
        try reader.check()
        let (found, searchedTo) = try await services.store.attempts(query)
        let rows = found.prefix(limit)
        let last =
            found.count > limit
            ? rows.last.map {
                AttemptQuery.Place(workflowID: $0.workflowID, taskID: $0.taskID, attempt: $0.attempt)
            } : searchedTo
        let next = last.map { "\($0.workflowID)_\($0.taskID)_\($0.attempt)" }
        return Response(json: page(rows.map(\.document), next: next))
    }

    private static func place(_ cursor: String) -> AttemptQuery.Place? {
        let parts = cursor.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, let workflow = UniqueID(String(parts[0])), let task = UniqueID(String(parts[1])),
            let attempt = Int(parts[2]), (1...Int(Int32.max)).contains(attempt)
        else { return nil }
        return AttemptQuery.Place(workflowID: workflow, taskID: task, attempt: attempt)
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let text = context.parameters.get("id") ?? ""
        guard let id = UniqueID(text) else {
            throw Problem.notFound("'\(WorkflowRequest.shortened(text))' is not the id of a task")
        }
        let attempts = try await services.store.attempts(of: id, tenant: try context.knownCaller.tenant)
        guard let newest = attempts.last, var document = newest.document.objectValue else {
            throw Problem.notFound("there is no task \(id)")
        }
        document["attempts"] = .array(attempts.map(\.document))
        return Response(json: .object(document))
    }
}
