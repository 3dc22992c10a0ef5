import HTTPTypes
import Hummingbird
import Logging
import WorkflowStorage

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
        TaskController(services: services).addRoutes(to: &routes)
        DiagramController(services, workflows).addRoutes(to: &routes)
        DefinitionController(services: services).addRoutes(to: &routes)
        AgentController(services: services).addRoutes(to: &routes)
        ArtifactController(services: services).addRoutes(to: &routes)
        StatsController(services: services).addRoutes(to: &routes)
        MetricsController(services: services).addRoutes(to: &routes)
        TokenController(services: services).addRoutes(to: &routes)
        AuditController(services: services).addRoutes(to: &routes)
        SessionController(services: services).addRoutes(to: &routes)
        LiveController(services: services).addRoutes(to: &routes)
        DocumentController(services: services).addRoutes(to: &routes)
        return routes
    }

    /// The router that answers them.
    static func build(_ services: APIServices, logger: Logger) -> Router<APIContext> {
        let routes = routes(services)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware(routes: routes))
        let guarded = router.group()
        guarded.add(middleware: AccessMiddleware(tokens: services.tokens, rates: services.rates))
        for route in routes.routes {
            let path = RouterPath(route.path)
            let handler = handler(of: route, services)
            if route.permission == nil {
                router.on(path, method: route.method, use: handler)
            } else {
                guarded.on(path, method: route.method, use: handler)
            }
        }
        return router
    }

    /// What answers a route: its handler, once the caller may ask and the query is understood.
    private static func handler(of route: RouteList.Route, _ services: APIServices) -> RouteList.Handler {
        let answer: RouteList.Handler = { request, context in
            if let permission = route.permission {
                let caller = try context.knownCaller
                guard caller.role.allows(permission) else { throw Problem.forbidden(caller.role, needs: permission) }
            }
            if !route.readsQuery { try QueryReader(request, allowed: []).check() }
            return try await route.handler(request, context)
        }
        guard let deed = route.deed else { return answer }
        let audit = services.audit
        guard AuditTrail.inWorkflows.contains(deed) else { return noting(deed, before: answer, in: audit) }
        return { request, context in
            let caller = try context.knownCaller
            try audit.requireWritable()
            do {
                let response = try await answer(request, context)
                await audit.write(entry(deed, by: caller, context, status: response.status))
                return response
            } catch let problem as Problem where problem.status == .forbidden {
                await audit.write(entry(deed, by: caller, context, status: problem.status))
                throw problem
            }
        }
    }

    /// What answers a route whose deeds stand nowhere but in the audit trail: there first, and then they are done.
    private static func noting(
        _ deed: String, before answer: @escaping RouteList.Handler, in audit: AuditTrail
    ) -> RouteList.Handler {
        { request, context in
            let caller = try context.knownCaller
            let id = try await audit.begin(entry(deed, by: caller, context, status: .init(code: AuditEntry.begun)))
            do {
                let response = try await answer(request, context)
                await audit.end(id, as: entry(deed, by: caller, context, status: response.status))
                return response
            } catch let problem as Problem where problem.status == .forbidden {
                await audit.end(id, as: entry(deed, by: caller, context, status: problem.status))
                throw problem
            } catch let problem as Problem where problem.status.kind == .clientError {
                await audit.withdraw(id)
                throw problem
            }
            // After any other error it may have been done: the entry stays, and says that it was begun.
        }
    }

    /// What the audit trail says about a request.
    static func entry(
        _ deed: String, by caller: Caller, _ context: APIContext, status: HTTPResponse.Status
    ) -> AuditEntry {
        let named = context.parameters.get("id") ?? context.parameters.get("name")
        return AuditEntry(
            tenant: caller.tenant, actor: caller.name, role: caller.role.rawValue, action: deed,
            target: context.note.target ?? named.map { String($0.prefix(200)) }, status: status.code,
            detail: String(context.note.detail.prefix(1000)))
    }
}
