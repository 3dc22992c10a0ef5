import AgentProtocol
import Foundation
import JSONTools
import LocalStack
import Logging
import OrchestratorEngine
import PostgresDriver
import Synchronization
import TaskTransport
import Testing
import WorkflowCore
import WorkflowStorage

/// A road that keeps what is put on it, for tests of the engine alone.
final class RecordingBus: TaskBus {
    struct Record {
        var tasks: [TaskEnvelope] = []
        var acknowledged: [String] = []
        var controls: [(agentType: String, message: ControlMessage)] = []
        var deadLetters: [DeadLetterCopy] = []
    }

    let record = Mutex(Record())
    private let arrivals = AsyncStream.makeStream(of: TaskEnvelope.self)

    let names = ChannelNames()
    var epoch: UInt64 { 1 }

    /// The next task that was published.
    func nextTask() async throws -> TaskEnvelope {
        var iterator = arrivals.stream.makeAsyncIterator()
        return try #require(await iterator.next())
    }

    func publish(_ tasks: [OutgoingTask]) async throws(TransportError) -> [String?] {
        var entries: [String?] = []
        for task in tasks {
            do throws(ProtocolError) {
                let envelope = try TaskEnvelope(decoding: task.envelope)
                let count = record.withLock { record in
                    record.tasks.append(envelope)
                    return record.tasks.count
                }
                arrivals.continuation.yield(envelope)
                entries.append("\(count)-0")
            } catch {
                Issue.record("an envelope that can't be decoded was published: \(error)")
                entries.append(nil)
            }
        }
        return entries
    }

    func acknowledgeResults(_ entryIDs: [String]) async throws(TransportError) {
        record.withLock { $0.acknowledged += entryIDs }
    }

    func control(_ messages: [(agentType: String, message: ControlMessage)]) async throws(TransportError) {
        record.withLock { $0.controls += messages }
    }

    func mirrorDeadLetters(_ letters: [DeadLetterCopy]) async throws(TransportError) {
        record.withLock { $0.deadLetters += letters }
    }

    // What the tests of the door don't use.
    func ensureGroups(agentTypes: Set<String>) async throws(TransportError) {}
    func readResults(limit: Int, block: Duration) async throws(TransportError) -> [InboundMessage] { [] }
    func claimResults(idleMilliseconds: Int) async throws(TransportError) -> [InboundMessage] { [] }
    func readReports(limit: Int, block: Duration) async throws(TransportError) -> AgentReports { AgentReports() }
    func acknowledgeReports(signals: [String], logs: [String]) async throws(TransportError) {}
    func claimReports(idleMilliseconds: Int) async throws(TransportError) -> AgentReports { AgentReports() }
    func announce(_ bytes: [UInt8]) async throws(TransportError) -> Int { 0 }
    func signalLagMilliseconds() async throws(TransportError) -> Int { 0 }
    func unfinished(within milliseconds: Int) async throws(TransportError) -> UnfinishedMessages {
        UnfinishedMessages()
    }
    func pendingTasks(ofType type: String, lane: TaskLane) async throws(TransportError) -> TaskCounts {
        TaskCounts(waiting: 0, taken: 0)
    }
    func taskEntries(ofTypes types: [String]) async throws(TransportError) -> [TaskStreamEntry] { [] }
    func deleteTaskEntries(_ entries: [(stream: String, entryID: String)]) async throws(TransportError) {}
    func removeIdleConsumers(except living: Set<String>) async throws(TransportError) {}
    func restore(_ bytes: [UInt8], to stream: RestorableStream) async throws(TransportError) {}
    func runInlet() async {}
    func close() async {}
}

/// An engine on a real PostgreSQL and a recording road.
struct EngineFixture: Sendable {
    let bus = RecordingBus()
    let pool: PostgresPool
    let configuration: PostgresConfiguration
    let store: PostgresWatchStore
    let definitions: PostgresDefinitionStore
    let queue = EffectQueue()
    let advancer: Advancer
    let deferred: DeferredWrites
    let publisher: EffectPublisher
    let results: ResultIntake
    let feed = LiveFeed()

    init(databaseURL: String, dataDirectory: String, isWindowed: Bool, lanes: Int) throws {
        configuration = try PostgresConfiguration(url: databaseURL)
        pool = PostgresPool(configuration)
        store = PostgresWatchStore(pool: pool)
        definitions = PostgresDefinitionStore(pool: pool)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let envelopes = EnvelopeFactory(orchestrator: "orchestrator-test", dataDirectory: dataDirectory)
        advancer = Advancer(
            sessions: (0..<lanes).map { [configuration] _ in PostgresBatchSession(configuration: configuration) },
            queue: isWindowed ? store : nil, envelopes: envelopes, output: queue, logger: logger)
        deferred = DeferredWrites(store: store, logger: logger)
        publisher = EffectPublisher(
            queue: queue, bus: bus, deferred: deferred, feed: feed, envelopes: envelopes, logger: logger)
        results = ResultIntake(advancer: advancer, bus: bus, store: store, logger: logger)
    }

    /// Runs the engine while `body` runs.
    func run(_ body: (EngineFixture) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await advancer.run() }
            group.addTask { await publisher.run() }
            do {
                try await body(self)
            } catch {
                group.cancelAll()
                queue.close()
                throw error
            }
            group.cancelAll()
            queue.close()
        }
        await pool.close()
    }

    /// Stores a definition of no-op stages in sequence.
    func storeChain(_ count: Int, name: String = "chain") async throws -> StoredDefinition {
        let stages = try (1...count).map { index in
            StageDefinition(
                name: "s\(index)", agent: "scaffold", action: "noop", workspace: .none,
                needs: index == 1 ? [] : ["s\(index - 1)"], with: try CompiledTemplate(["sleep_ms": 0]),
                condition: nil, required: true)
        }
        let definition = WorkflowDefinition(
            name: name, description: "", input: nil, totalTimeout: nil, stages: stages)
        _ = try await definitions.store(definition, source: "test")
        return try #require(try await definitions.definition(named: name))
    }

    func creation(_ stored: StoredDefinition, key: String? = nil, bodyHash: String? = nil) -> Creation {
        Creation(
            type: stored.name, definitionHash: stored.hash, definitionVersion: stored.version, name: "a test",
            createdBy: "ann", idempotencyKey: key, bodyHash: bodyHash)
    }

    /// Hands in an agent's result for a task.
    func answer(
        _ task: TaskEnvelope, status: TaskResult.Status = .success, output: JSONObject = [:],
        questions: [Question] = [], errors: [TaskFault] = [], entry: String = "1-1"
    ) async throws {
        let result = TaskResult(
            messageID: task.messageID, taskID: task.taskID, workflowID: task.workflowID, attempt: task.attempt,
            dispatchID: task.dispatchID, agentID: "scaffold-00000001", agentType: task.agentType, stage: task.stage,
            status: status, output: output, errors: errors, questions: questions, startedAt: .now(),
            completedAt: .now())
        try await results.take([InboundMessage(entryID: entry, bytes: result.encoded(), isPoisoned: false)])
    }
}

/// One PostgreSQL for a suite; every test gets a database of its own.
func withDatabase(
    isWindowed: Bool = false, lanes: Int = 1, _ body: (EngineFixture) async throws -> Void
) async throws {
    let directory = NSTemporaryDirectory() + "baton-engine-" + UUID().uuidString.lowercased().prefix(8)
    var stackConfiguration = StackConfiguration.ephemeral(dataDirectory: directory, agents: [], orchestrators: 0)
    stackConfiguration.usesRedis = false
    let stack = LocalStack(stackConfiguration)
    do {
        try await stack.start()
        let url = try #require(await stack.databaseURL)
        let fixture = try EngineFixture(
            databaseURL: url, dataDirectory: directory, isWindowed: isWindowed, lanes: lanes)
        try await StoreSetup.migrate(fixture.configuration)
        try await PostgresMaintenance(pool: fixture.pool).makePartitions()
        try await fixture.run(body)
        await stack.destroy()
    } catch {
        await stack.destroy()
        throw error
    }
}
