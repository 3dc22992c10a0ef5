import FoundationEssentials
import HTTPTypes
import Hummingbird

/// The description of the API itself.
struct DocumentController: Sendable {
    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        for prefix in ["", "/api/v1"] { routes.open(.get, prefix + "/openapi.yaml", document) }
    }

    @Sendable private func document(_ request: Request, _ context: APIContext) async throws -> Response {
        guard let folder = services.settings.shareDirectory,
            let data = FileManager.default.contents(atPath: folder + "/api/openapi.yaml")
        else {
            throw Problem.notFound("this orchestrator was started without its shared files; set BATON_SHARE_DIR")
        }
        return Response(bytes: Array(data), type: "application/yaml", to: request)
    }
}
