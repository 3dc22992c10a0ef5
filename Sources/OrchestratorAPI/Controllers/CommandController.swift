import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import WorkflowCore
import WorkflowStorage

/// What people do to a workflow that is under way or has ended: pause, resume, cancel, retry, answer.
struct CommandController: Sendable {
    let services: APIServices
    private let workflows: WorkflowController

    init(_ services: APIServices, _ workflows: WorkflowController) {
        self.services = services
        self.workflows = workflows
    }

    func addRoutes(to routes: inout RouteList) {
        routes.on(.post, "/api/v1/workflows/{id}/pause", deed: "pauseWorkflow", pause)
        routes.on(.post, "/api/v1/workflows/{id}/resume", deed: "resumeWorkflow", resume)
        routes.on(.post, "/api/v1/workflows/{id}/cancel", deed: "cancelWorkflow", cancel)
        routes.on(.post, "/api/v1/workflows/{id}/retry", deed: "retryWorkflow", retry)
        routes.on(.post, "/api/v1/workflows/{id}/answers", needs: .answer, deed: "answerWorkflow", answers)
    }

    // MARK: Pause, resume, cancel

    @Sendable private func pause(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let id = try WorkflowController.id(in: context)
        let reason = try await reason(in: request)
        context.note.detail = reason
        return Response(json: try await workflows.apply(.pause(actor: caller.name, reason: reason), to: id, caller))
    }

    @Sendable private func resume(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let id = try WorkflowController.id(in: context)
        _ = try await services.bodies.fields(of: request, allowed: [])
        return Response(json: try await workflows.apply(.resume(actor: caller.name), to: id, caller))
    }

    @Sendable private func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let id = try WorkflowController.id(in: context)
        let reason = try await reason(in: request)
        context.note.detail = reason
        return Response(
            status: .accepted,
            json: try await workflows.apply(.cancel(actor: caller.name, reason: reason), to: id, caller))
    }

    // MARK: Retry

    @Sendable private func retry(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let id = try WorkflowController.id(in: context)
        var reader = try await services.bodies.fields(
            of: request, allowed: ["from_stage", "dry_run", "expected_version"])
        let stage = reader.text("from_stage")
        let isDryRun = reader.flag("dry_run")
        let version = reader.count("expected_version")
        guard reader.faults.isEmpty else { throw Problem.invalid(reader.faults) }
        context.note.detail = [isDryRun ? "dry run" : nil, stage.map { "from \($0)" }].compactMap { $0 }.joined(
            separator: ", ")
        if isDryRun {
            return Response(json: try await plan(of: id, from: stage, expecting: version, caller))
        }
        let wish = RetryRequest(actor: caller.name, fromStage: stage, expectedVersion: version)
        return Response(status: .accepted, json: try await workflows.apply(.retry(wish), to: id, caller))
    }

    /// What a retry would run again, refused for the same reasons.
    private func plan(
        of id: UniqueID, from stage: String?, expecting version: Int64?, _ caller: Caller
    ) async throws -> JSONValue {
        let (detail, definition) = try await workflows.detail(of: id, caller)
        let machine = WorkflowMachine(
            definition: definition,
            facts: WorkflowFacts(
                id: id, type: detail.row.type, name: detail.row.name, traceID: detail.row.traceID),
            state: detail.state)
        do throws(Rejection) {
            guard detail.state.phase.isTerminal else { throw .conflict(event: .retry, phase: detail.state.phase) }
            if let version, version != detail.state.sequence {
                throw .versionMismatch(expected: version, found: detail.state.sequence)
            }
            let plan = try machine.retryPlan(from: stage)
            return WorkflowDocument.retryPlan(plan, from: stage, of: detail, definition: definition)
        } catch {
            let wish = RetryRequest(actor: caller.name, fromStage: stage, expectedVersion: version)
            throw try await workflows.refusal(error, of: .retry(wish), id, caller)
        }
    }

    // MARK: Answers

    @Sendable private func answers(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.knownCaller
        let id = try WorkflowController.id(in: context)
        let given = try AnswersRequest(try await services.bodies.object(of: request))
        let (detail, _) = try await workflows.detail(of: id, caller)
        // Where nothing is asked, the machine says so, with the state.
        let isAsking = !detail.questions.isEmpty && !detail.state.phase.isTerminal
        let answers =
            isAsking
            ? try given.answers(to: detail.questions, actor: caller.name)
            : AnswerSet(
                actor: caller.name, stage: given.stage, round: given.round, values: given.values, reason: given.reason)
        context.note.detail = given.reason
        return Response(json: try await workflows.apply(.answers(answers), to: id, caller))
    }

    // MARK: Bodies

    private func reason(in request: Request) async throws -> String {
        var reader = try await services.bodies.fields(of: request, allowed: ["reason"])
        let reason = reader.reason()
        guard reader.faults.isEmpty else { throw Problem.invalid(reader.faults) }
        return reason
    }
}
