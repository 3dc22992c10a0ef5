import AgentProtocol
import Glibc
import JSONTools
import Logging
import RedisDriver
import ServiceLifecycle
import TaskTransport
import UnixSignals

extension AgentProgram {
    /// Takes tasks from Redis until SIGTERM or SIGINT.
    ///
    /// - Returns: The exit code.
    static func serve(
        type: String,
        version: String,
        actions: [any AgentAction],
        _ configuration: AgentConfiguration
    ) async -> Int32 {
        var random = SystemRandomNumberGenerator()
        let agentID = TaskTrial.agentID(type: type, using: &random)
        let level = LogLevelBox(configuration.logLevel)
        let secrets = SecretStore(configuration)
        let logger = Logger(label: agentID) { label in
            AgentLogHandler(label: label, format: configuration.logFormat, level: level, secrets: secrets)
        }
        let catalog: ActionCatalog
        let redis: RedisConfiguration
        do {
            catalog = try ActionCatalog(actions)
        } catch {
            complain("\(type)-agent: \(error)")
            return ExitCode.software
        }
        do {
            redis = try RedisConfiguration(url: configuration.redisURL, password: configuration.redisPassword)
        } catch {
            complain("\(type)-agent: BATON_REDIS_URL: \(error)")
            return ExitCode.configuration
        }
        sweep(configuration, logger)
        let host = AttemptHost(configuration, agentID: agentID, secrets: secrets)
        let health = HealthFile(runDirectory: configuration.runDirectory, agentType: type)
        let bus = RedisAgentTaskBus(
            redis, names: ChannelNames(namespace: configuration.namespace), agentType: type, agentID: agentID)
        var limits = TaskLoop.Limits()
        limits.slots = configuration.slots
        let shell = AgentShell(
            registration: RegisterSignal(
                agentID: agentID, sentAt: .now(), agentType: type, agentVersion: version,
                actions: catalog.descriptions, slots: configuration.slots, host: hostName(), pid: Int(getpid())),
            limits: limits,
            bus: bus,
            runner: AttemptRunner(
                catalog: catalog, builder: ResultBuilder(agentID: agentID, agentType: type), host: host),
            health: health,
            logger: logger,
            level: level
        )
        logger.notice(
            "the \(type) agent takes tasks",
            metadata: [
                "slots": "\(configuration.slots)", "data": "\(configuration.dataDirectory)",
                "redis": "\(redis)",
            ])
        defer {
            health.remove()
            host.remove()
        }
        return await run(shell, of: type, logger)
    }

    /// Runs the agent until it is told to end, or fails.
    private static func run(_ shell: AgentShell, of type: String, _ logger: Logger) async -> Int32 {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: AgentService(shell: shell), successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            ))
        do {
            try await group.run()
            logger.notice("the \(type) agent has ended")
            return ExitCode.fine
        } catch {
            logger.critical("the agent failed", metadata: ["reason": "\(error)"])
            return ExitCode.failed
        }
    }

    /// Clears up what agents left behind that were killed.
    private static func sweep(_ configuration: AgentConfiguration, _ logger: Logger) {
        let groups = OrphanSweep.killGroupsOfDeadOwners()
        if !groups.isEmpty {
            logger.notice("killed process groups of agents that are gone", metadata: ["groups": "\(groups)"])
        }
        let directories = OrphanSweep.removeDirectoriesOfDeadOwners(in: configuration.workDirectory)
        if !directories.isEmpty {
            logger.notice("deleted directories of agents that are gone", metadata: ["agents": "\(directories)"])
        }
    }

    private static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return bytes.isEmpty ? "unknown" : String(decoding: bytes, as: UTF8.self)
    }
}
