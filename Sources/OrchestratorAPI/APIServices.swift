import HTTPTypes
import JSONTools
import Logging
import OrchestratorEngine
import PostgresDriver
import WorkflowStorage

/// What the controllers work with.
struct APIServices: Sendable {
    let orchestrator: Orchestrator
    let store: PostgresReadStore
    let tokens: TokenRegistry
    let definitions: DefinitionCache
    let agents: AgentCounts
    let isRedisUp: @Sendable () -> Bool
    let settings: OrchestratorHTTP.Settings
    let bodies: BodyReader
    let startedAt = ContinuousClock.now
    /// The events of all workflows, for live clients.
    let feeds: EventFeeds
    let overviews: OverviewCache
    let rates: RateLimiter
    let audit: AuditTrail
    let logger: Logger
    let liveClients = StreamLimit(maximum: LiveController.maxClients)

    init(
        orchestrator: Orchestrator, pool: PostgresPool, isRedisUp: @escaping @Sendable () -> Bool,
        settings: OrchestratorHTTP.Settings, logger: Logger
    ) {
        self.orchestrator = orchestrator
        self.isRedisUp = isRedisUp
        self.settings = settings
        bodies = BodyReader(maxSeconds: settings.maxBodySeconds)
        store = PostgresReadStore(pool: pool)
        feeds = EventFeeds(store: store, feed: orchestrator.feed, logger: logger)
        overviews = OverviewCache(store: store)
        rates = RateLimiter(perSecond: settings.requestsPerSecond, burst: settings.requestsPerSecond * 20)
        audit = AuditTrail(store: store, logger: logger)
        self.logger = logger
        tokens = TokenRegistry(store: store)
        agents = AgentCounts(store: store)
        definitions = DefinitionCache(stored: orchestrator.definitions, store: store)
    }

    /// What a caller is told about an error; faults of ours are logged.
    func problem(of error: any Error) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as PostgresError:
            let problem = Problem(error)
            if problem.status == .internalServerError {
                logger.error("a request failed", metadata: ["error": "\(error)"])
            }
            return problem
        case is CancellationError: return .unavailable("the orchestrator is shutting down")
        default:
            logger.error("a request failed", metadata: ["error": "\(error)"])
            return .internalFault
        }
    }
}
