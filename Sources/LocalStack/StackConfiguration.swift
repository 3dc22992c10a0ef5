import Foundation

/// What a local stack consists of and where it lives.
public struct StackConfiguration: Sendable {
    /// The five agents that Baton ships, in the order of the pipeline.
    public static let allAgents = ["scaffold", "validation", "e2e", "integration", "deployment"]

    /// Which ports the servers listen on.
    public enum Ports: Sendable, Hashable {
        /// 3000, 5433 and 6380; for each that is busy that of the last start, or any free one.
        case standard
        /// Any free ones. For tests, which run side by side.
        case anyFree
    }

    /// Which Python the agents use.
    public enum Python: Sendable, Hashable {
        /// A virtual environment with what the agents need, made on first use; nil means `venv` in the data directory.
        case managed(directory: String?)
        /// This interpreter, as it is.
        case given(String)
        /// None: what needs Python will be skipped.
        case none
    }

    /// Everything that the stack writes is in here (except, as root, PostgreSQL's files). An absolute path.
    public var dataDirectory: String
    /// The types of the agents to start; a type that stands twice is started twice.
    public var agents: [String]
    /// How many orchestrators to start (0…).
    public var orchestrators: Int
    /// A PostgreSQL that exists already; nil starts a private one.
    public var databaseURL: String?
    /// A Redis that exists already; nil starts a private one.
    public var redisURL: String?
    /// Whether servers are started (or, if URLs are given, used) at all. Off for stacks of arbitrary processes.
    public var usesRedis = true
    /// See `usesRedis`.
    public var usesPostgres = true
    /// The address that the orchestrator binds.
    public var host = "127.0.0.1"
    /// The port that the orchestrator must have; nil leaves the choice to `ports`.
    public var port: Int?
    /// How ports are chosen.
    public var ports = Ports.standard
    /// Prefix that keeps several stacks apart on one Redis; nil is the programs' default.
    public var namespace: String?
    /// Where Baton's executables are.
    public var binDirectory: String
    /// Where definitions and templates are; nil leaves it to the programs.
    public var shareDirectory: String?
    /// More environment for the orchestrators and agents; it wins over everything else.
    public var environment: [String: String] = [:]
    /// The URL at which a component (`orchestrator`, `scaffold-agent`, …) reaches a server, given the server's own URL; nil
    /// leaves it as it is. For tests, which put a road in between that they can cut.
    public var road: (@Sendable (_ component: String, _ url: String) -> String)?
    /// Which Python the agents get.
    public var python = Python.managed(directory: nil)
    /// When what died is started again.
    public var restartPolicy = RestartPolicy()
    /// More settings of the private PostgreSQL, as `postgres -c name=value`.
    public var postgresSettings: [String: String] = [:]
    /// More settings of the private Redis, as lines of its configuration.
    public var redisSettings: [String: String] = [:]
    /// Whether the stack must not outlive this process: what it left if killed is swept away by the next stack.
    public var isEphemeral = false

    /// A stack with private servers, the given agents and orchestrators, as the command line starts it.
    public init(
        dataDirectory: String,
        agents: [String] = StackConfiguration.allAgents,
        orchestrators: Int = 1,
        binDirectory: String = Programs.binDirectory()
    ) {
        self.dataDirectory = absolutePath(dataDirectory)
        self.agents = agents
        self.orchestrators = orchestrators
        self.binDirectory = binDirectory
        self.shareDirectory = Programs.shareDirectory(binDirectory: binDirectory)
    }

    /// A stack for tests: any free ports, swept away if the test process is killed, quick restarts, no Python.
    public static func ephemeral(
        dataDirectory: String,
        agents: [String] = StackConfiguration.allAgents,
        orchestrators: Int = 1
    ) -> StackConfiguration {
        var configuration = StackConfiguration(
            dataDirectory: dataDirectory, agents: agents, orchestrators: orchestrators)
        configuration.ports = .anyFree
        configuration.isEphemeral = true
        configuration.python = .none
        configuration.restartPolicy = RestartPolicy(initial: .milliseconds(50), maximum: .seconds(2))
        return configuration
    }

    /// What the environment says (06 "Configuration"): `BATON_DATA_DIR` (default `.baton`), `BATON_DATABASE_URL`,
    /// `BATON_REDIS_URL`, `BATON_HOST`, `BATON_PORT`, `BATON_NAMESPACE`, `BATON_PYTHON`, `BATON_BIN_DIR`,
    /// `BATON_SHARE_DIR`.
    ///
    /// - Throws: `.badFile` if `BATON_PORT` isn't a port.
    public init(environment: [String: String], dataDirectory: String? = nil) throws(StackError) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let bin = Programs.binDirectory(environment: environment)
        self.init(dataDirectory: dataDirectory ?? value("BATON_DATA_DIR") ?? ".baton", binDirectory: bin)
        shareDirectory = Programs.shareDirectory(binDirectory: bin, environment: environment)
        // `eval "$(baton env)"` names the private servers of a stack that may be down by now: they are ours to start.
        let own = StackSecrets.load(from: self.dataDirectory)
        databaseURL = value("BATON_DATABASE_URL").flatMap { own?.owns($0) == true ? nil : $0 }
        redisURL = value("BATON_REDIS_URL").flatMap { own?.owns($0) == true ? nil : $0 }
        host = value("BATON_HOST") ?? host
        namespace = value("BATON_NAMESPACE")
        if let python = value("BATON_PYTHON") { self.python = .given(python) }
        if let text = value("BATON_PORT") {
            guard let port = Int(text), (1...65_535).contains(port) else {
                throw StackError(.badFile, "BATON_PORT is \"\(text)\"; a number from 1 to 65535 is expected")
            }
            self.port = port
        }
    }

    /// The address at which clients on this machine reach what binds `host`.
    var reachableHost: String {
        ["0.0.0.0", "::", "localhost", ""].contains(host) ? "127.0.0.1" : host
    }
}
