import AgentProtocol
import Foundation
import JSONTools
import Logging
import OrchestratorAPI
import OrchestratorEngine
import PostgresDriver
import ServiceLifecycle
import TaskTransport
import Testing
import WorkflowDefinitions
import WorkflowStorage

/// A running API: an orchestrator on a database of the test's own, and a road in memory.
struct APIFixture: Sendable {
    let port: Int
    let dataDirectory: String
    let bus: InMemoryTaskBus
    let orchestrator: Orchestrator
    let pool: PostgresPool
    let store: PostgresReadStore
    let token: String
    let group: ServiceGroup

    /// Two stages, one after the other, of different agents.
    static let chain = """
        name: chain
        description: two stages for tests
        input:
          type: object
          additionalProperties: false
          properties:
            count: {type: integer, minimum: 1, default: 3}
            colour: {enum: [red, green]}
        stages:
          - {name: first, agent: scaffold, action: noop, workspace: none}
          - {name: second, agent: validation, action: noop, workspace: none}
        """

    // MARK: Requests

    /// Sends a request and gives the answer.
    func send(
        _ method: String, _ path: String, body: [UInt8]? = nil, headers: [String: String] = [:],
        token: String?
    ) async throws -> Reply {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        var headers = headers
        if let token { headers["Authorization"] = "Bearer \(token)" }
        if let body { headers["Content-Length"] = "\(body.count)" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        return try await RawHTTP.send(port: port, Array((head + "\r\n").utf8) + (body ?? []))
    }

    func get(_ path: String, headers: [String: String] = [:]) async throws -> Reply {
        try await send("GET", path, headers: headers, token: token)
    }

    func post(_ path: String, _ body: JSONValue, headers: [String: String] = [:]) async throws -> Reply {
        try await send(
            "POST", path, body: body.encoded(), headers: headers.merging(["Content-Type": "application/json"]) { $1 },
            token: token)
    }

    /// Creates a workflow of two stages.
    func create(_ name: String = "one", _ more: JSONObject = [:]) async throws -> JSONValue {
        var body: JSONObject = ["type": "chain", "name": .string(name)]
        for (key, value) in more { body[key] = value }
        let reply = try await post("/api/v1/workflows", .object(body))
        #expect(reply.status == 201, "\(reply.text)")
        return reply.json
    }

    /// Creates a workflow and gives its id.
    func createdID(_ name: String = "one") async throws -> String {
        try #require(try await create(name)["id"]?.stringValue)
    }

    // MARK: Agents

    /// Takes the next task of a type, with a line in its log, and ends it.
    func work(
        as type: String, status: TaskResult.Status = .success, output: JSONObject = ["summary": "done"],
        artifacts: [ArtifactReference] = [], questions: [Question] = [], log: String? = nil
    ) async throws {
        let agentID = "\(type)-00000001"
        let agent = bus.agent(type: type, id: agentID)
        let claimed = try #require(try await agent.claim(freeSlots: 1, block: .seconds(20)).first)
        let task = try TaskEnvelope(decoding: claimed.bytes)
        if let log {
            try await agent.send(
                LogBatch(
                    agentID: agentID, sentAt: .now(), reference: task.reference, workflowID: task.workflowID,
                    lines: [LogLine(number: 1, at: .now(), level: .info, stream: .stdout, text: log)]))
        }
        let faults =
            [.success, .cancelled, .needsInput].contains(status)
            ? [] : [TaskFault(code: "TOOL_FAILED", message: "it broke", retryable: false)]
        let result = TaskResult(
            messageID: task.messageID, taskID: task.taskID, workflowID: task.workflowID, attempt: task.attempt,
            dispatchID: task.dispatchID, agentID: agentID, agentType: type, stage: task.stage, status: status,
            output: output, artifacts: artifacts, errors: faults, questions: questions, startedAt: .now(),
            completedAt: .now())
        try await agent.report([
            OutgoingResult(taskID: task.taskID, attempt: task.attempt, bytes: result.encoded(), task: claimed)
        ])
    }

    /// Takes the next task of a type and gives its envelope; it is not ended.
    func take(as type: String) async throws -> TaskEnvelope {
        let agent = bus.agent(type: type, id: "\(type)-00000001")
        let claimed = try #require(try await agent.claim(freeSlots: 1, block: .seconds(20)).first)
        return try TaskEnvelope(decoding: claimed.bytes)
    }

    /// An agent says that it is there.
    func register(_ type: String) async throws {
        let id = "\(type)-00000001"
        let agent = bus.agent(type: type, id: id)
        try await agent.send(
            .register(
                RegisterSignal(
                    agentID: id, sentAt: .now(), agentType: type, agentVersion: "1.0.0", actions: [], slots: 4,
                    host: "here", pid: 17)))
    }

    /// Waits for a condition that the server brings about; fails the test after 60 s.
    func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try await !condition() {
            try #require(ContinuousClock.now < deadline, "not within 60 s: \(what)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Asks until the answer is as wanted; the last one if it never is.
    func get(_ path: String, until isWanted: (JSONValue) -> Bool) async throws -> JSONValue {
        var last = JSONValue.null
        for _ in 0..<1000 {
            last = try await get(path).json
            if isWanted(last) { return last }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("never as wanted: \(last)")
        return last
    }
}

/// Runs an API while `body` runs.
func withAPI(
    maxBodySeconds: Int = 15, requestsPerSecond: Int = 0, _ body: (APIFixture) async throws -> Void
) async throws {
    let server = try #require(PostgresForSuite.databaseURL)
    let name = "t_" + UUID().uuidString.lowercased().filter { $0 != "-" }
    let connection = try await PostgresConnection.connect(try PostgresConfiguration(url: server))
    _ = try await connection.query(SQLText(unchecked: "CREATE DATABASE \(name)"))
    await connection.close()
    var components = try #require(URLComponents(string: server))
    components.path = "/" + name
    let database = try PostgresConfiguration(url: try #require(components.string))
    try await StoreSetup.migrate(database)

    let directory = NSTemporaryDirectory() + "baton-api-data-" + name
    try FileManager.default.createDirectory(atPath: directory + "/definitions", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let pool = PostgresPool(database)
    let bus = InMemoryTaskBus { Timestamp.now().milliseconds }
    let orchestrator = Orchestrator(
        settings: Orchestrator.Settings(name: "orchestrator-test", dataDirectory: directory), database: database,
        pool: pool, bus: bus, logger: logger)
    let definition = try DefinitionParser.parse(text: APIFixture.chain, fileName: "chain.yaml")
    _ = try await orchestrator.definitions.store(definition, source: APIFixture.chain)

    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    var settings = OrchestratorHTTP.Settings(
        host: "127.0.0.1", port: 0, dataDirectory: directory, version: "test")
    settings.maxBodySeconds = maxBodySeconds
    settings.requestsPerSecond = requestsPerSecond
    let api = OrchestratorHTTP(
        orchestrator: orchestrator, pool: pool, isRedisUp: { orchestrator.monitor.isRoadUp },
        settings: settings,
        logger: logger, onListening: { continuation.yield($0) })
    let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [.init(service: api)], logger: logger))
    let engine = Task { await orchestrator.run() }
    let serving = Task {
        defer { continuation.finish() }
        try await group.run()
    }
    var result = Swift.Result<Void, any Error>.success(())
    do {
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next(), "the API did not start")
        let token = try String(contentsOfFile: directory + "/admin-token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        try await body(
            APIFixture(
                port: port, dataDirectory: directory, bus: bus, orchestrator: orchestrator, pool: pool,
                store: PostgresReadStore(pool: pool), token: token, group: group))
    } catch {
        result = .failure(error)
    }
    await group.triggerGracefulShutdown()
    let served = await serving.result
    engine.cancel()
    await engine.value
    await pool.close()
    try result.get()
    try served.get()
}
