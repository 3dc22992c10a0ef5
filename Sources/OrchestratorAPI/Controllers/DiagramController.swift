import HTTPTypes
import Hummingbird
import NIOCore
import WorkflowCore
import WorkflowStorage

/// A workflow as a picture.
struct DiagramController: Sendable {
    private let services: APIServices
    private let workflows: WorkflowController

    init(_ services: APIServices, _ workflows: WorkflowController) {
        self.services = services
        self.workflows = workflows
    }

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/workflows/{id}/diagram.svg", diagram)
    }

    @Sendable private func diagram(_ request: Request, _ context: APIContext) async throws -> Response {
        let (detail, definition) = try await workflows.detail(
            of: try WorkflowController.id(in: context), try context.knownCaller)
        let stages = zip(definition.stages, detail.state.stages).map { stage, state in
            StageDiagram.Stage(
                name: stage.name, agent: stage.agent, needs: stage.needs, status: state.phase.rawValue)
        }
        var response = Response(
            bytes: Array(StageDiagram(title: detail.row.name, stages: stages).svg.utf8), type: "image/svg+xml",
            to: request)
        // Opened by itself it must not run anything, though nothing in it could.
        response.headers[.contentSecurityPolicy] = "default-src 'none'; sandbox"
        return response
    }
}
