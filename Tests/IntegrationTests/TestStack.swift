import AgentProtocol
import FaultKit
import Foundation
import JSONTools
import LocalStack
import PostgresDriver
import RedisDriver
import Synchronization
import Testing

/// One stack of real processes that the tests of a suite share: orchestrators, of which all but the first rest, and one
/// agent of each type.
final class TestStack: Sendable {
    /// What the tests of a suite do to their stack.
    enum Kind: Sendable {
        /// They kill its processes. Two orchestrators.
        case killed
        /// They cut the roads between its processes and servers. Three orchestrators.
        case cutOff
        /// They play agents beside it, and all run at the same time. What must hold is checked at the end.
        case sideBySide

        var orchestrators: Int {
            switch self {
            case .killed: 2
            case .cutOff: 3
            case .sideBySide: 1
            }
        }
    }

    /// The stack of the suite that runs.
    @TaskLocal static var current: TestStack?

    let stack: LocalStack
    let news: NewsLog
    let client: WorkflowClient
    let record: Record
    let redis: RedisClient
    let redisConfiguration: RedisConfiguration
    let roads: Roads
    /// When all of it was ready.
    let begun = ContinuousClock.now
    /// The start of the agent that several tests share.
    let faultAgent = Mutex<Task<Void, any Error>?>(nil)
    private let conservation: Conservation

    private init(
        stack: LocalStack, news: NewsLog, client: WorkflowClient, record: Record, redis: RedisConfiguration,
        roads: Roads
    ) {
        self.stack = stack
        self.news = news
        self.client = client
        self.record = record
        self.roads = roads
        redisConfiguration = redis
        // For questions of the tests: a machine that is busy may take its time.
        var patient = redis
        patient.commandTimeout = .seconds(30)
        self.redis = RedisClient(patient)
        conservation = Conservation(
            record: record, redis: self.redis, types: StackConfiguration.allAgents + TestDefinitions.handmadeAgents)
    }

    /// The stack, in a test of a suite that has one.
    static func shared() throws -> TestStack { try #require(current) }

    /// Starts it, runs `body` and ends it.
    static func run(_ kind: Kind, _ body: () async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "baton-faults-" + UUID().uuidString.lowercased().prefix(8)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try TestDefinitions.write(into: directory + "/definitions")
        let news = NewsLog()
        let roads = Roads()
        defer { roads.close() }
        var configuration = StackConfiguration.ephemeral(dataDirectory: directory, orchestrators: kind.orchestrators)
        if kind == .cutOff { configuration.road = { roads.url(for: $0, to: $1) } }
        let stack = LocalStack(configuration) { news.append($0) }
        do {
            try await stack.start()
            for name in await stack.components where name.hasPrefix("orchestrator-") { try await stack.stop(name) }
            let shared = TestStack(
                stack: stack, news: news,
                client: WorkflowClient(
                    urls: await stack.orchestratorURLs, token: try #require(StackRecord.adminToken(in: directory))),
                record: Record(
                    pool: PostgresPool(try PostgresConfiguration(url: try #require(await stack.databaseURL)))),
                redis: try RedisConfiguration(url: try #require(await stack.redisURL)), roads: roads)
            try await $current.withValue(shared) { try await body() }
            if kind == .sideBySide { try await shared.checkConservation(tidyWithin: .seconds(75)) }
            shared.redis.close()
            await shared.record.pool.close()
        } catch {
            await keepLogs(of: directory)
            await stack.destroy()
            throw error
        }
        await keepLogs(of: directory)
        await stack.destroy()
    }

    /// Everything that must hold after a test.
    func checkConservation(
        tidyWithin limit: Duration = .seconds(15), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await conservation.check(tidyWithin: limit, sourceLocation: sourceLocation)
    }

    /// Waits until workflows have completed.
    func complete(
        _ ids: [UniqueID], within limit: Duration = .seconds(90), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually(within: limit, "\(ids.count) workflows complete", sourceLocation: sourceLocation) {
            try await record.count(ids, "completed") == ids.count
        } explain: {
            let left = try await record.rows(
                """
                SELECT w.id::text, w.status, t.stage, t.attempt::text, t.status::text, t.published::text
                FROM workflows w LEFT JOIN tasks t ON t.workflow_id = w.id AND t.status < 10
                WHERE w.status <> 'completed' LIMIT 5
                """)
            return "\(try await record.count(ids, "completed")) did; for example \(left)"
        }
    }

    /// Waits until an attempt at a stage runs, and returns it.
    func running(
        _ id: UniqueID, _ stage: String, within limit: Duration = .seconds(20),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Record.Attempt {
        var found: Record.Attempt?
        try await eventually(within: limit, "\(stage) runs", sourceLocation: sourceLocation) {
            found = try await record.attempt(id, stage)
            return found?.status == Record.Attempt.running
        }
        return try #require(found, sourceLocation: sourceLocation)
    }

    /// `BATON_TEST_LOGS` names a directory in which the logs of the processes are kept, for whoever looks for a fault.
    private static func keepLogs(of directory: String) async {
        guard let place = ProcessInfo.processInfo.environment["BATON_TEST_LOGS"] else { return }
        try? FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try? FileManager.default.copyItem(
            atPath: directory + "/logs", toPath: place + "/" + (directory as NSString).lastPathComponent)
    }
}

/// How processes of the stack ended without having been told to by it.
final class NewsLog: Sendable {
    private let deaths = Mutex<[(name: String, reason: ExitReason)]>([])

    func append(_ news: StackNews) {
        guard case .died(let name, let reason, _) = news else { return }
        deaths.withLock { $0.append((name, reason)) }
    }

    /// How often processes died.
    var count: Int { deaths.withLock { $0.count } }

    /// How a process died after `mark` deaths; nil if it didn't.
    func death(of name: String, after mark: Int) -> ExitReason? {
        deaths.withLock { $0.dropFirst(mark).first { $0.name == name }?.reason }
    }
}

/// Gives a suite a stack that its tests share.
struct SharedStack: SuiteTrait, TestScoping {
    let kind: TestStack.Kind
    let isRecursive = false

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await TestStack.run(kind, function)
    }
}

extension Trait where Self == SharedStack {
    /// The tests of the suite share one stack.
    static func sharedStack(_ kind: TestStack.Kind) -> SharedStack { SharedStack(kind: kind) }
}
