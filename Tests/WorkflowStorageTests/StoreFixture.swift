import JSONTools
import PostgresDriver
import PostgresTestSupport
import Synchronization
import Testing
import WorkflowCore
import WorkflowStorage

/// All suites that share a server; each test has a database of its own.
@Suite(.sharedServer)
enum WithRecord {}

/// The record of one test: a database with the present schema, and everything that reads and writes it.
struct StoreFixture: Sendable {
    let configuration: PostgresConfiguration
    let pool: PostgresPool
    let session: PostgresBatchSession
    let watch: PostgresWatchStore
    let reading: PostgresReadStore
    let maintenance: PostgresMaintenance

    private static let databases = Atomic<Int>(0)

    /// Makes a database for `body` and forgets it afterwards: the server goes with its suite.
    static func with(_ body: (StoreFixture) async throws -> Void) async throws {
        let server = try TestServer.current()
        let name = "record_\(databases.add(1, ordering: .relaxed).newValue)"
        let administrator = try await server.connect()
        _ = try await administrator.query(SQLText(unchecked: "CREATE DATABASE \(name)"))
        await administrator.close()
        let configuration = try PostgresConfiguration(url: server.url(database: name))
        try await StoreSetup.migrate(configuration)
        let pool = PostgresPool(configuration)
        let fixture = StoreFixture(
            configuration: configuration, pool: pool, session: PostgresBatchSession(configuration: configuration),
            watch: PostgresWatchStore(pool: pool), reading: PostgresReadStore(pool: pool),
            maintenance: PostgresMaintenance(pool: pool))
        do {
            try await fixture.maintenance.makePartitions()
            try await body(fixture)
        } catch {
            await fixture.close()
            throw error
        }
        await fixture.close()
    }

    private func close() async {
        await session.close()
        await pool.close()
    }

    /// Database time.
    func now() async throws -> Timestamp {
        let rows = try await pool.query("SELECT clock_timestamp()")
        return Timestamp(microseconds: try rows.only().timestamp(0).microseconds)
    }

    /// Runs statements of the test's own making.
    func run(_ sql: String) async throws {
        try await pool.withConnection { try await $0.script(sql) }
    }

    /// The number that a statement of the test's own making answers.
    func number(_ sql: String) async throws -> Int {
        Int(try await pool.query(SQLText(unchecked: sql)).only().int8(0))
    }

    /// Commits what `change` puts into a batch; `locked` are the workflows whose rows it holds meanwhile.
    @discardableResult
    func commit(
        locking locked: [UniqueID] = [], _ change: (inout BatchSave) -> Void
    ) async throws -> CommitAnswer {
        let load = try await session.begin(
            BatchRequest(workflows: locked.sorted(), waits: true, factsOf: [], keys: []))
        var generator = SystemRandomNumberGenerator()
        var save = BatchSave(id: .v7(at: load.now, using: &generator), now: load.now)
        change(&save)
        return try await session.commit(save)
    }

    /// Records a running workflow of one stage, without attempts.
    ///
    /// - Parameter moment: the time in its id; now, if nil.
    func makeWorkflow(
        tenant: String = "default", priority: WorkflowPriority = .medium, at moment: Timestamp? = nil,
        isTerminal: Bool = false, status: String? = nil
    ) async throws -> UniqueID {
        var generator = SystemRandomNumberGenerator()
        let created = UniqueID.v7(at: try await orNow(moment), using: &generator)
        try await commit { save in
            add(created, tenant: tenant, priority: priority, isTerminal: isTerminal, status: status, to: &save)
        }
        return created
    }

    private func orNow(_ moment: Timestamp?) async throws -> Timestamp {
        if let moment { return moment }
        return try await now()
    }

    private func add(
        _ id: UniqueID, tenant: String, priority: WorkflowPriority, isTerminal: Bool, status: String?,
        to save: inout BatchSave
    ) {
        let facts = WorkflowFacts(
            id: id, type: "chain", name: "a test", description: "", requirements: "", priority: priority,
            input: [:], traceID: String(repeating: "0", count: 32))
        let machine = WorkflowMachine(definition: Self.definition, facts: facts)
        var summary = WorkflowSummary(of: machine, version: 1)
        summary.status = status ?? (isTerminal ? "completed" : "running")
        summary.completedAt = isTerminal ? save.now : nil
        save.created.append(
            NewWorkflow(
                facts: facts, definitionHash: String(repeating: "a", count: 64), definitionVersion: 1, tenant: tenant,
                createdBy: "ann", idempotencyKey: nil, bodyHash: nil))
        save.createdSummaries.append(summary)
        save.newStates.append(
            BatchSave.State(
                id: id, definitionHash: String(repeating: "a", count: 64), version: 1, isTerminal: isTerminal,
                bytes: machine.state.encoded(), nextWake: save.now + .seconds(86_400)))
    }

    private static let definition = WorkflowDefinition(
        name: "chain", description: "", input: nil, totalTimeout: nil,
        stages: [
            StageDefinition(
                name: "build", agent: "scaffold", action: "noop", workspace: .none, needs: [], with: emptyTemplate,
                condition: nil, required: true)
        ])

    private static let emptyTemplate: CompiledTemplate = {
        do {
            return try CompiledTemplate([:])
        } catch {
            preconditionFailure("an empty template compiles: \(error)")
        }
    }()

    /// An attempt of a workflow's stage `build`.
    func attempt(
        of workflow: UniqueID, stage: String = "build", generation: Int = 1, number: Int = 1,
        agentType: String = "scaffold", priority: WorkflowPriority = .medium, isQueued: Bool = false,
        taskID: UniqueID? = nil
    ) -> NewTask {
        var generator = SystemRandomNumberGenerator()
        return NewTask(
            workflowID: workflow,
            reference: AttemptReference(
                taskID: taskID ?? .v7(at: .now(), using: &generator), attempt: number, dispatchID: generator.next()),
            stage: stage, generation: generation, agentType: agentType, action: "noop", priority: priority,
            payload: Array("\"stage\":\"\(stage)\"}".utf8), isQueued: isQueued)
    }

    /// Records attempts.
    func dispatch(_ tasks: [NewTask]) async throws {
        try await commit { $0.tasks = tasks }
    }

    /// An agent that lives.
    func registerAgent(_ id: String = "scaffold-00000001", type: String = "scaffold", slots: Int = 4) async throws {
        try await watch.register([
            AgentRegistration(
                agentID: id, agentType: type, version: "1", actions: [], slots: slots, host: "here", pid: 1)
        ])
    }

    /// Everything that a look with all questions finds.
    func findings(patience: Int = 10_000, judges: Bool = true) async throws -> WatchFindings {
        try await watch.findings(
            WatchQuestion(
                judgesLeases: judges, leaseMilliseconds: 15_000, looksForOverdue: true,
                patienceMilliseconds: patience))
    }
}
