import Foundation
import Glibc

/// A whole Baton on this machine: private servers, orchestrators and agents as child processes that are watched over.
///
/// One process at a time runs the stack of a data directory. It starts everything, waits until everything is ready,
/// starts again what dies (with growing pauses), and ends everything in reverse order. `stack.json` in the data
/// directory always tells what runs. Tests use the same type, and its `kill`, `stop`, `start` and `restart` of single
/// components.
public actor LocalStack {
    /// What the stack consists of.
    public nonisolated let configuration: StackConfiguration
    let observer: @Sendable (StackNews) -> Void
    var lock: StackLock?
    var record: StackRecord
    /// In the order in which they are started; they are stopped the other way round.
    var processes: [ManagedProcess] = []
    var redis: RedisServer?
    var postgres: PostgresServer?
    /// The ports that the components had at the last start.
    var formerPorts: [String: Int] = [:]

    /// A stack that isn't started yet.
    ///
    /// - Parameter observer: hears what happens; called from any thread, must not block.
    public init(_ configuration: StackConfiguration, observer: @escaping @Sendable (StackNews) -> Void = { _ in }) {
        self.configuration = configuration
        self.observer = observer
        record = StackRecord(
            state: .stopped, supervisor: .current, bootID: ProcessIdentity.bootID,
            startedAt: StackRecord.timestamp(), dataDirectory: configuration.dataDirectory,
            namespace: configuration.namespace, shareDirectory: configuration.shareDirectory,
            binDirectory: configuration.binDirectory, processes: [])
    }

    /// A stack for tests in this directory: private servers on free ports, gone with the test process.
    public init(
        directory: String,
        agents: [String] = StackConfiguration.allAgents,
        orchestrators: Int = 1,
        observer: @escaping @Sendable (StackNews) -> Void = { _ in }
    ) {
        self.init(
            .ephemeral(dataDirectory: directory, agents: agents, orchestrators: orchestrators), observer: observer)
    }

    /// What `stack.json` says now.
    public var snapshot: StackRecord { record }

    /// The names of the components, in the order in which they are started.
    public var components: [String] { processes.map(\.specification.name) }

    /// Where the API of the first orchestrator is; nil before the start or without orchestrators.
    public var url: String? { record.url }

    /// The URLs of all orchestrators, the first one first.
    public var orchestratorURLs: [String] {
        processes.map(\.specification).filter { $0.name.hasPrefix("orchestrator") }.compactMap(\.port)
            .map { "http://\(configuration.reachableHost):\($0)" }
    }

    /// PostgreSQL's URL, with the password.
    public var databaseURL: String? { record.databaseURL }

    /// Redis's URL, with the password.
    public var redisURL: String? { record.redisURL }

    /// The unix socket of the private Redis.
    public var redisSocket: String? { redis?.socket }

    /// What a client of the stack needs in its environment: `BATON_URL`, `BATON_DATABASE_URL`, `BATON_REDIS_URL`,
    /// `BATON_DATA_DIR`, `BATON_NAMESPACE`, and `BATON_TOKEN` once an orchestrator has written it.
    public var clientEnvironment: [String: String] { record.clientEnvironment }

    /// The process of a component, if it runs.
    public func process(_ name: String) async -> ProcessIdentity? {
        await processes.first { $0.specification.name == name }?.identity
    }

    /// Ends a component in order (SIGTERM, after its time SIGKILL); it stays down until `start(_:)`.
    public func stop(_ name: String) async throws(StackError) {
        await (try managed(name)).stop()
    }

    /// Starts a component that is down (or resting before a restart) and waits until it is ready.
    public func start(_ name: String) async throws(StackError) {
        let process = try managed(name)
        try await bringUp(process)
    }

    /// Ends a component in order and starts it again; returns when it is ready.
    public func restart(_ name: String) async throws(StackError) {
        let process = try managed(name)
        await process.stop()
        try await bringUp(process)
    }

    /// Kills (SIGKILL) a component with its process group and returns when it is dead. It is started again by itself
    /// after a pause; `awaitReady(_:)` waits for that.
    ///
    /// - Returns: whether it was running.
    @discardableResult
    public func kill(_ name: String) async throws(StackError) -> Bool {
        await (try managed(name)).signal(SIGKILL)
    }

    /// Sends a signal to a component: SIGSTOP and SIGCONT to make it hang, SIGTERM to see how it drains.
    ///
    /// - Returns: whether it was running.
    @discardableResult
    public func signal(_ name: String, _ number: Int32) async throws(StackError) -> Bool {
        await (try managed(name)).signal(number)
    }

    /// Waits until a component runs and is ready.
    public func awaitReady(_ name: String) async throws(StackError) {
        try await (try managed(name)).awaitReady()
    }

    /// Adds a process of your own to a running stack, and waits until it is ready.
    public func add(_ specification: ProcessSpecification) async throws(StackError) {
        let process = register(specification)
        try await bringUp(process)
    }

    /// Starts one more agent of a type, and waits until it is ready.
    ///
    /// - Returns: the name of the component.
    public func addAgent(_ type: String) async throws(StackError) -> String {
        let specification = try agentSpecification(type)
        try await add(specification)
        return specification.name
    }

    /// The last lines of a component's log.
    public nonisolated func logTail(_ name: String, count: Int = 40) -> [String] {
        LogTail.lines(of: logFile(name), count: count)
    }

    func managed(_ name: String) throws(StackError) -> ManagedProcess {
        if let process = processes.first(where: { $0.specification.name == name }) { return process }
        throw StackError(
            .unknownComponent, "the stack has no component \"\(name)\"; it has \(components.joined(separator: ", "))")
    }

    nonisolated func logFile(_ name: String) -> String { "\(configuration.dataDirectory)/logs/\(name).log" }

    /// Makes a component known without starting it.
    func register(_ specification: ProcessSpecification) -> ManagedProcess {
        let name = specification.name
        let process = ManagedProcess(specification, policy: configuration.restartPolicy) { [weak self] news in
            await self?.hear(news, of: name)
        }
        processes.append(process)
        record.processes.append(
            StackRecord.Entry(
                name: name, state: .stopped, port: specification.port, restarts: 0, log: specification.command.logFile))
        return process
    }

    /// Starts a component and waits until it is ready.
    func bringUp(_ process: ManagedProcess) async throws(StackError) {
        let begun = ContinuousClock.now
        try await process.start()
        try await process.awaitReady()
        let name = process.specification.name
        update(name) { $0.state = .ready }
        observer(.ready(name: name, after: .now - begun))
    }

    private func hear(_ news: ProcessNews, of name: String) {
        switch news {
        case .started(let process, let restarts):
            update(name) { entry in
                (entry.pid, entry.startTime, entry.restarts) = (process.pid, process.startTime, restarts)
                entry.state = .starting
            }
            observer(.started(name: name, process: process, restarts: restarts))
            if restarts > 0 { watchRestart(name) }
        case .died(let reason, let pause):
            update(name) { entry in
                (entry.pid, entry.startTime) = (nil, nil)
                (entry.state, entry.lastExit) = (.restarting, "\(reason)")
            }
            observer(.died(name: name, reason: reason, restartIn: pause))
        case .stopped:
            update(name) { entry in
                (entry.pid, entry.startTime) = (nil, nil)
                entry.state = .stopped
            }
            observer(.stopped(name: name))
        }
    }

    /// Tells when what was started again is ready; a failure shows as `restarting` until the next start.
    private func watchRestart(_ name: String) {
        guard let process = try? managed(name) else { return }
        Task {
            let begun = ContinuousClock.now
            guard (try? await process.awaitReady()) != nil, await process.identity != nil else { return }
            self.update(name) { if $0.state == .starting { $0.state = .ready } }
            self.observer(.ready(name: name, after: .now - begun))
        }
    }

    func update(_ name: String, _ change: (inout StackRecord.Entry) -> Void) {
        guard let index = record.processes.firstIndex(where: { $0.name == name }) else { return }
        change(&record.processes[index])
        saveRecord()
    }

    func saveRecord() {
        guard lock != nil else { return }
        do { try record.save() } catch { observer(.note("\(error.message)")) }
    }
}

extension StackRecord {
    /// See `LocalStack.clientEnvironment`.
    public var clientEnvironment: [String: String] {
        var environment = ["BATON_DATA_DIR": dataDirectory]
        environment["BATON_URL"] = url
        environment["BATON_DATABASE_URL"] = databaseURL
        environment["BATON_REDIS_URL"] = redisURL
        environment["BATON_NAMESPACE"] = namespace
        environment["BATON_TOKEN"] = StackRecord.adminToken(in: dataDirectory)
        return environment
    }

    /// The token that the first orchestrator wrote into the data directory.
    public static func adminToken(in dataDirectory: String) -> String? {
        guard let bytes = fileBytes(dataDirectory + "/admin-token") else { return nil }
        let token = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return token.isEmpty ? nil : token
    }
}
