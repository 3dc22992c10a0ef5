import AgentProtocol
import ArgumentParser
import Foundation
import JSONTools
import Logging
import OrchestratorAPI
import OrchestratorEngine
import PostgresDriver
import RedisDriver
import ServiceLifecycle
import TaskTransport
import UnixSignals
import WorkflowDefinitions
import WorkflowStorage

/// Runs the orchestrator until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run until told to stop (SIGTERM or SIGINT).")

    func run() async throws {
        let configuration = try ServerConfiguration(environment: ProcessInfo.processInfo.environment)
        do {
            try await serve(configuration)
        } catch let failure as StartFailure {
            throw StartFailure(
                status: failure.status, description: configuration.redactor.redact(failure.description))
        }
    }

    private func serve(_ configuration: ServerConfiguration) async throws {
        let name = "orchestrator-" + Self.randomDigits()
        let logger = Logger(label: name) { label in
            ServerLogHandler(
                label: label, format: configuration.logFormat, redactor: configuration.redactor,
                logLevel: configuration.logLevel)
        }
        try prepareFolders(configuration)
        try await waitForRecord(configuration, logger)
        var reading = configuration.database
        // Our queries touch few rows by key. A bitmap scan of a partial index reads all its dead entries every time; a
        // plain index scan marks them.
        reading.sessionSettings["enable_bitmapscan"] = "off"
        // Compiling a statement takes longer than any of ours does.
        reading.sessionSettings["jit"] = "off"
        let pool = PostgresPool(reading)
        try await PostgresMaintenance(pool: pool).makePartitions()
        try await storeDefinitions(configuration, PostgresDefinitionStore(pool: pool), logger)
        let bus = RedisTaskBus(
            configuration.redis, names: ChannelNames(namespace: configuration.namespace), consumerName: name)
        var settings = Orchestrator.Settings(name: name, dataDirectory: configuration.dataDirectory)
        settings.retentionDays = configuration.retentionDays
        let orchestrator = Orchestrator(
            settings: settings,
            database: configuration.database, pool: pool, bus: bus, logger: logger)
        var door = OrchestratorHTTP.Settings(
            host: configuration.host, port: configuration.port, dataDirectory: configuration.dataDirectory,
            version: OrchestratorVersion.current, shareDirectory: configuration.shareDirectory)
        door.maxWaitingWrites = configuration.maxWaiting
        door.requestsPerSecond = configuration.rateLimit
        // Connections of its own: however much is asked of the API, the engine's are free, and no question of its takes
        // for ever.
        reading.statementTimeout = Self.questionLimit
        let questions = PostgresPool(reading)
        let http = OrchestratorHTTP(
            orchestrator: orchestrator, pool: questions,
            isRedisUp: {
                // Connected, and not out of memory when last asked.
                if case .connected = bus.connectionState { orchestrator.monitor.isRoadUp } else { false }
            },
            settings: door, logger: logger)
        let engine = EngineService(orchestrator: orchestrator, bus: bus, pools: [questions, pool], logger: logger)
        // Shut down in reverse order: no new requests, then the engine drains.
        var services = ServiceGroupConfiguration(
            services: [.init(service: engine), .init(service: http)],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() })
        services.maximumGracefulShutdownDuration = Self.drain
        let group = ServiceGroup(configuration: services)
        do {
            try await group.run()
        } catch let error as APIStartError {
            throw StartFailure.unavailable("\(error)")
        }
        logger.info("stopped in good order")
    }

    /// For how long callers may take to send their requests and to read the answers once it is to stop; then their
    /// connections are closed. It leaves the engine time to end within the 30 s that a process has.
    private static let drain = Duration.seconds(10)

    /// How long the database may take over a question of the API.
    private static let questionLimit = Duration.seconds(15)

    /// Eight hex digits that no other process has.
    private static func randomDigits() -> String {
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private func prepareFolders(_ configuration: ServerConfiguration) throws(StartFailure) {
        for folder in ["", "/workspaces", "/artifacts", "/definitions"] {
            let path = configuration.dataDirectory + folder
            do {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            } catch {
                throw .configuration(
                    "the data directory \(path) can't be made: \(error.localizedDescription); set BATON_DATA_DIR")
            }
        }
    }

    /// Waits until the record is there and has the present schema.
    private func waitForRecord(_ configuration: ServerConfiguration, _ logger: Logger) async throws {
        var lastWord: ContinuousClock.Instant?
        while true {
            do throws(PostgresError) {
                let report = try await StoreSetup.migrate(configuration.database)
                if !report.applied.isEmpty {
                    logger.info("schema migrated", metadata: ["applied": "\(report.applied)"])
                }
                return
            } catch {
                guard error.outcome != .failed || error.isConnectionFault else {
                    throw StartFailure.unavailable("the database can't be used: \(error)")
                }
                let now = ContinuousClock.now
                if lastWord.map({ now - $0 >= .seconds(10) }) ?? true {
                    lastWord = now
                    logger.warning(
                        "waiting for PostgreSQL",
                        metadata: ["address": "\(configuration.database.address)", "error": "\(error.message)"])
                }
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    /// Stores the definitions of the shipped and the user's own files; bad files are named and passed over.
    private func storeDefinitions(
        _ configuration: ServerConfiguration, _ store: PostgresDefinitionStore, _ logger: Logger
    ) async throws {
        let folders = [
            configuration.shareDirectory.map { $0 + "/definitions" }, configuration.dataDirectory + "/definitions",
        ]
        .compactMap { $0 }
        let catalog = DefinitionCatalog.load(directories: folders)
        for errors in catalog.errors {
            logger.error("a definition can't be used", metadata: ["errors": "\(errors)"])
        }
        if catalog.names.isEmpty {
            logger.warning("no definitions were found", metadata: ["looked in": "\(folders.joined(separator: ", "))"])
        }
        for name in catalog.names {
            guard let entry = catalog.entries[name] else { continue }
            let source = try String(contentsOfFile: entry.path, encoding: .utf8)
            let version = try await store.store(entry.definition, source: source)
            logger.debug("definition stored", metadata: ["name": "\(name)", "version": "\(version)"])
        }
    }
}

/// The engine as a service: it drains when a graceful shutdown begins.
struct EngineService: Service {
    let orchestrator: Orchestrator
    let bus: RedisTaskBus
    let pools: [PostgresPool]
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await watchRedis() }
                group.addTask { await orchestrator.run() }
                await group.waitForAll()
            }
        }
        await bus.close()
        for pool in pools { await pool.close() }
    }

    /// Says when Redis comes and goes, and what is wrong with its settings.
    private func watchRedis() async {
        for await state in bus.connectionStates() {
            if Task.isCancelled { return }
            switch state {
            case .connecting, .closed:
                continue
            case .connected(let epoch, let server):
                logger.info(
                    "Redis is connected", metadata: ["time": "\(epoch)", "version": "\(server.version ?? "unknown")"])
                if let warning = server.warning { logger.warning("\(warning)") }
            case .disconnected(let error):
                logger.warning("Redis is away; trying again", metadata: ["error": "\(error.message)"])
            }
        }
    }
}
