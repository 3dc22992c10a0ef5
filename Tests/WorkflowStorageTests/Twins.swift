import Foundation
import JSONTools
import LocalStack
import PostgresDriver
import Testing
@testable import WorkflowCore
@testable import WorkflowStorage

/// The record on PostgreSQL and its twin in memory, side by side: every operation goes to both.
struct Twins: Sendable {
    let configuration: PostgresConfiguration
    let pool: PostgresPool
    let watch: PostgresWatchStore
    let first: PostgresBatchSession
    let second: PostgresBatchSession
    let memory = InMemoryStore()
    let memoryFirst: InMemoryBatchSession
    let memorySecond: InMemoryBatchSession
    /// One definition of two stages, stored in both.
    let definition: WorkflowDefinition

    init(configuration: PostgresConfiguration) async throws {
        self.configuration = configuration
        pool = PostgresPool(configuration)
        watch = PostgresWatchStore(pool: pool)
        first = PostgresBatchSession(configuration: configuration)
        second = PostgresBatchSession(configuration: configuration)
        memoryFirst = memory.session()
        memorySecond = memory.session()
        let stages = ["one", "two"].enumerated().map { index, name in
            StageDefinition(
                name: name, agent: "scaffold", action: "noop", workspace: .none, needs: index == 0 ? [] : ["one"],
                with: CompiledTemplate.empty, condition: nil, required: true)
        }
        definition = WorkflowDefinition(
            name: "chain", description: "", input: nil, totalTimeout: nil, stages: stages)
        _ = try await PostgresDefinitionStore(pool: pool).store(definition, source: "test")
        let definition = definition
        _ = try memory.change { record, now in record.store(definition, source: "test", at: now) }
    }

    /// Ends both, sessions first.
    func close() async {
        await first.close()
        await second.close()
        await pool.close()
    }

    /// Commits the same batch to both.
    ///
    /// - Returns: what each answers, in words.
    @discardableResult
    func commit(_ save: BatchSave, begin workflows: [UniqueID] = []) async throws -> String {
        let request = BatchRequest(workflows: workflows.sorted(), waits: true, factsOf: [], keys: [])
        async let real = Self.commit(save, request, on: first)
        async let twin = Self.commit(save, request, on: memoryFirst)
        let (answer, expected) = (try await real, try await twin)
        #expect(answer == expected)
        return answer
    }

    private static func commit(
        _ save: BatchSave, _ request: BatchRequest, on session: any BatchSession
    ) async throws -> String {
        _ = try await session.begin(request)
        do throws(BatchError) {
            return describe(try await session.commit(save))
        } catch {
            await session.abandon()
            return error.kind
        }
    }

    private static func describe(_ answer: CommitAnswer) -> String {
        func describe(_ task: ResentTask) -> String {
            "\(task.workflowID) \(task.reference) \(task.agentType) \(task.priority) \(task.payload)"
        }
        let resent = answer.resent.map(describe)
        let released = answer.released.map { $0.map(describe) }
        let left = answer.left.map { "\($0.agentType) \($0.priority) [\($0.entryID)]" }
        return "resent \(resent.sorted()) left \(left.sorted())" + (released.isEmpty ? "" : " released \(released)")
    }

    /// Expects the rows of both to be the same, times aside, which are compared as known or unknown.
    func expectSameRows(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let (real, twin) = (try await postgresRows(), memory.record.plainRows)
        for (line, other) in zip(real, twin) where line != other {
            Issue.record("PostgreSQL: \(line)\nmemory:     \(other)", sourceLocation: sourceLocation)
        }
        #expect(real.count == twin.count, comment, sourceLocation: sourceLocation)
    }

    /// Makes everything that bears a time older by `seconds`.
    func age(bySeconds seconds: Int32) async throws {
        for statement: SQLText in [
            "UPDATE tasks SET publish_by = publish_by - $1::int * interval '1 s'",
            "UPDATE tasks SET created_at = created_at - $1::int * interval '1 s'",
            "UPDATE tasks SET deadline = deadline - $1::int * interval '1 s'",
            "UPDATE questions SET expires_at = expires_at - $1::int * interval '1 s'",
            "UPDATE tasks SET started_at = started_at - $1::int * interval '1 s'",
            "UPDATE timers SET due_at = due_at - $1::int * interval '1 s'",
            "UPDATE agents SET last_heartbeat_at = last_heartbeat_at - $1::int * interval '1 s'",
            "UPDATE workflow_state SET next_wake_at = next_wake_at - $1::int * interval '1 s'",
        ] {
            _ = try await pool.query(statement, [.int4(seconds)])
        }
        try memory.change { record, _ in record.age(by: .seconds(Int(seconds))) }
    }
}

/// One PostgreSQL for a test; every case gets a schema of its own.
func withTwins(_ names: [String] = ["public"], _ body: (Twins, String) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "baton-twins-" + UUID().uuidString.lowercased().prefix(8)
    var stackConfiguration = StackConfiguration.ephemeral(dataDirectory: directory, agents: [], orchestrators: 0)
    stackConfiguration.usesRedis = false
    let stack = LocalStack(stackConfiguration)
    do {
        try await stack.start()
        let url = try #require(await stack.databaseURL)
        let plain = try PostgresConfiguration(url: url)
        let admin = PostgresPool(plain)
        for name in names {
            var configuration = plain
            if name != "public" {
                _ = try await admin.query(SQLText(unchecked: "CREATE SCHEMA \(name)"), [])
                configuration.sessionSettings["search_path"] = name
            }
            try await StoreSetup.migrate(configuration)
            let twins = try await Twins(configuration: configuration)
            try await body(twins, name)
            await twins.close()
        }
        await admin.close()
        await stack.destroy()
    } catch {
        await stack.destroy()
        throw error
    }
}

extension BatchError {
    /// The kind of the error without its text.
    var kind: String {
        switch self {
        case .repeatable: "repeatable"
        case .refused: "refused"
        case .away: "away"
        case .unknownOutcome: "unknown outcome"
        }
    }
}
