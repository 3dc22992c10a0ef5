import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import OrchestratorEngine
public import PostgresDriver
public import ServiceLifecycle
import Synchronization
import WorkflowStorage

/// The REST API of an orchestrator, as a service.
///
/// It runs until a graceful shutdown begins; then open streams end, requests at hand are answered, and it returns.
public struct OrchestratorHTTP: Service {
    /// What the API has to know.
    public struct Settings: Sendable {
        /// Address or host name to listen on.
        public var host: String
        /// 0 for any free port.
        public var port: Int
        /// Absolute path of the data directory that all processes share.
        public var dataDirectory: String
        /// Version of the program, for health and the `Server` header.
        public var version: String
        /// Absolute path of the folder with `api/openapi.yaml`; nil if there is none.
        public var shareDirectory: String?
        /// Within how many seconds the body of a request has to be here.
        public var maxBodySeconds = 15
        /// Most requests that create or change something and wait to be recorded, at least 1; more get a 429.
        public var maxWaitingWrites = 1000
        /// How many requests a token may send a second on average, and twenty seconds' worth at once; 0 for no limit.
        public var requestsPerSecond = 1000

        /// Settings.
        public init(host: String, port: Int, dataDirectory: String, version: String, shareDirectory: String? = nil) {
            self.shareDirectory = shareDirectory
            self.host = host
            self.port = port
            self.dataDirectory = dataDirectory
            self.version = version
        }
    }

    /// Most connections at a time; more wait to be accepted.
    static let maxConnections = 2048
    /// After how long without a request a connection is closed.
    static let idleTimeout: TimeAmount = .seconds(60)

    private let settings: Settings
    private let services: APIServices
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// The API of an orchestrator.
    ///
    /// - Parameters:
    ///   - isRedisUp: whether Redis is known to answer.
    ///   - onListening: called once with the port when requests are taken.
    public init(
        orchestrator: Orchestrator, pool: PostgresPool, isRedisUp: @escaping @Sendable () -> Bool, settings: Settings,
        logger: Logger, onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.settings = settings
        self.logger = logger
        self.onListening = onListening
        services = APIServices(
            orchestrator: orchestrator, pool: pool, isRedisUp: isRedisUp, settings: settings,
            logger: logger)
    }

    /// Runs until a graceful shutdown begins.
    ///
    /// - Throws: ``APIStartError`` if it can't start.
    public func run() async throws {
        guard try await adoptAdminToken() else { return }
        let wasListening = Atomic(false)
        do {
            try await buildApplication { port in
                wasListening.store(true, ordering: .sequentiallyConsistent)
                let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
                logger.info("listening", metadata: ["address": "http://\(host):\(port)"])
                await onListening(port)
            }.run()
        } catch let error as IOError where !wasListening.load(ordering: .sequentiallyConsistent) {
            throw APIStartError.address(
                host: settings.host, port: settings.port, reason: String(describing: error.reasonText))
        } catch  where !wasListening.load(ordering: .sequentiallyConsistent) && !(error is CancellationError) {
            throw APIStartError.address(host: settings.host, port: settings.port, reason: "\(error)")
        }
    }

    /// Waits for the record if it is away: without it no token can be checked.
    ///
    /// - Returns: false if a graceful shutdown came first.
    private func adoptAdminToken() async throws -> Bool {
        let secret = try AdminToken.readOrMake(in: settings.dataDirectory)
        while !Task.isShuttingDownGracefully {
            do throws(PostgresError) {
                try await services.tokens.adopt(adminSecret: secret)
                return true
            } catch {
                guard error.isConnectionFault || error.code == .poolDeadline else { throw error }
                logger.warning("the API waits for PostgreSQL", metadata: ["error": "\(error)"])
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        return false
    }

    private func buildApplication(onListening: @escaping @Sendable (Int) async -> Void) -> some ApplicationProtocol {
        // The framework says at `info` what our one line says better.
        var quiet = logger
        quiet.logLevel = max(quiet.logLevel, .warning)
        let http = HTTP1Channel.Configuration(
            idleTimeout: Self.idleTimeout,
            httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 100))
        let live = LiveController(services: services)
        return Application(
            router: APIRouter.build(services, logger: logger),
            server: HTTPServerBuilder { responder in
                LiveChannel(responder: responder, http: http, admit: live.admit(_:from:), serve: live.serve)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: "baton/\(settings.version)",
                availableConnectionsDelegate: .maximum(Self.maxConnections, logger: quiet)),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: quiet)
    }
}

extension IOError {
    /// The system's words for the error.
    fileprivate var reasonText: String {
        switch errnoCode {
        case EADDRINUSE: "another process listens there"
        case EACCES: "the port needs privileges that this process does not have"
        case EADDRNOTAVAIL: "this machine has no such address"
        default: description
        }
    }
}
