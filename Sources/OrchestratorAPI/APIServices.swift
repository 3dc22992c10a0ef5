import JSONTools
import OrchestratorEngine
import PostgresDriver
import WorkflowStorage

/// What the controllers work with.
struct APIServices: Sendable {
    let orchestrator: Orchestrator
    let store: PostgresReadStore
    let tokens: TokenRegistry
    let definitions: DefinitionCache
    let isRedisUp: @Sendable () -> Bool
    let settings: OrchestratorHTTP.Settings
    let bodies: BodyReader
    let startedAt = ContinuousClock.now
    /// What changed of all workflows, for live clients.
    let changes: ChangeFeed
    let liveClients = StreamLimit(maximum: LiveController.maxClients)

    init(
        orchestrator: Orchestrator, pool: PostgresPool, isRedisUp: @escaping @Sendable () -> Bool,
        settings: OrchestratorHTTP.Settings
    ) {
        self.orchestrator = orchestrator
        self.isRedisUp = isRedisUp
        self.settings = settings
        bodies = BodyReader(maxSeconds: settings.maxBodySeconds)
        store = PostgresReadStore(pool: pool)
        changes = ChangeFeed(store: store)
        tokens = TokenRegistry(store: store)
        definitions = DefinitionCache(stored: orchestrator.definitions, store: store)
    }
}
