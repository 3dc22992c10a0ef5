import HTTPTypes
import Hummingbird
import Logging

/// All routes of the API.
enum APIRouter {
    /// The routes as data.
    static func routes(_ services: APIServices) -> RouteList {
        var routes = RouteList()
        HealthController(services: services).addRoutes(to: &routes)
        let workflows = WorkflowController(services)
        workflows.addRoutes(to: &routes)
        CommandController(services, workflows).addRoutes(to: &routes)
        DeadLetterController(services, workflows).addRoutes(to: &routes)
        TrailController(services).addRoutes(to: &routes)
        CatalogueController(services: services).addRoutes(to: &routes)
        ArtifactController(services: services).addRoutes(to: &routes)
        return routes
    }

    /// The router that answers them.
    static func build(_ services: APIServices, logger: Logger) -> Router<APIContext> {
        let routes = routes(services)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware(routes: routes))
        let guarded = router.group()
        guarded.add(middleware: AccessMiddleware(tokens: services.tokens))
        for route in routes.routes {
            let path = RouterPath(route.path)
            if route.isGuarded {
                guarded.on(path, method: route.method, use: route.handler)
            } else {
                router.on(path, method: route.method, use: route.handler)
            }
        }
        return router
    }
}
