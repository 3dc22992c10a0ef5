import Foundation
import Glibc
import Testing

@testable import LocalStack

@Suite("A whole stack", .serialized)
struct StackTests {
    private func servers(_ directory: String) -> StackConfiguration {
        StackConfiguration.ephemeral(dataDirectory: directory, agents: [], orchestrators: 0)
    }

    @Test("private servers want their passwords, survive kill -9 and keep what they were told over a restart")
    func privateServers() async throws {
        try await withTemporaryDirectory { directory in
            let data = directory + "/data"
            let record = try await withStack(servers(data), keepingData: true) { first in
                let record = await first.snapshot
                #expect(record.state == .ready)
                #expect(record.processes.map(\.name) == ["redis", "postgres"])
                #expect(record.processes.allSatisfy { $0.state == .ready && $0.identity?.isAlive == true })
                #expect(try mode(data + "/stack.json") == 0o600)
                #expect(try mode(data + "/secrets.json") == 0o600)
                #expect(try mode(data) == 0o700)
                try await checkServers(record)
                let socketURL = try #require(await first.postgres?.socketURL)
                #expect(try await psql(socketURL, "SELECT answer FROM t") == "42")
                let socket = try #require(await first.redis?.url(for: "orchestrator", overSocket: true))
                #expect(socket.hasPrefix("unix://orchestrator:"))
                for name in ["postgres", "redis"] {
                    #expect(try await first.kill(name))
                    try await first.awaitReady(name)
                }
                #expect(try await psql(try #require(record.databaseURL), "SELECT answer FROM t") == "42")
                #expect(try await redisCLI(try #require(record.redisURL), "PING") == "PONG")
                return await first.snapshot
            }
            #expect(record.processes.compactMap(\.identity).count == 2)
            #expect(record.survivors.isEmpty)
            #expect(StackRecord.load(from: data)?.state == .stopped)
            #expect(record.socketDirectory.map { FileManager.default.fileExists(atPath: $0) } == false)

            try await withStack(servers(data)) { second in
                #expect(try await psql(try #require(await second.databaseURL), "SELECT answer FROM t") == "42")
                #expect(try await redisCLI(try #require(await second.redisURL), "GET", "colour") == "green")
                try await second.restart("postgres")
                #expect(try await psql(try #require(await second.databaseURL), "SELECT answer FROM t") == "42")
            }
        }
    }

    /// Passwords, durability and eviction policy of the private servers; leaves a table and a key behind.
    private func checkServers(_ record: StackRecord) async throws {
        let redis = try #require(record.redisURL)
        let database = try #require(record.databaseURL)
        #expect(try await redisCLI(redis, "SET", "colour", "green") == "OK")
        #expect(try await redisCLI(redis, "CONFIG", "GET", "maxmemory-policy").hasSuffix("noeviction"))
        let port = try #require(record.processes.first { $0.name == "redis" }?.port)
        #expect(try await redisCLI("redis://127.0.0.1:\(port)", "PING").contains("NOAUTH"))
        #expect(try await psql(database, "CREATE TABLE t AS SELECT 42 AS answer") == "")
        #expect(try await psql(database, "SHOW synchronous_commit") == "on")
        #expect(try await psql(database, "SHOW fsync") == "on")
        let wrong = database.replacingOccurrences(of: "baton:", with: "baton:x")
        #expect(try await psql(wrong, "SELECT 1").contains("password authentication failed"))
    }

    @Test("servers whose URLs are given aren't started, and clients are told the URLs")
    func givenServers() async throws {
        try await withTemporaryDirectory { directory in
            var configuration = servers(directory + "/data")
            configuration.redisURL = "redis://example.invalid:1/0"
            configuration.databaseURL = "postgres://example.invalid:2/x"
            configuration.namespace = "blue"
            try await withStack(configuration) { stack in
                #expect(await stack.components.isEmpty)
                let environment = await stack.clientEnvironment
                #expect(environment["BATON_REDIS_URL"] == "redis://example.invalid:1/0")
                #expect(environment["BATON_DATABASE_URL"] == "postgres://example.invalid:2/x")
                #expect(environment["BATON_NAMESPACE"] == "blue")
            }
        }
    }

    @Test("agents are told where Redis is, only orchestrators where the database is")
    func leastKnowledge() async throws {
        try await withTemporaryDirectory { directory in
            var configuration = servers(directory + "/data")
            configuration.redisURL = "redis://example.invalid:1/0"
            configuration.databaseURL = "postgres://example.invalid:2/x"
            configuration.binDirectory = directory + "/bin"
            try FileManager.default.createDirectory(
                atPath: configuration.binDirectory, withIntermediateDirectories: true)
            for name in ["scaffold-agent", "baton-orchestrator"] {
                try write("\(configuration.binDirectory)/\(name)", "#!/bin/sh\n")
            }
            try await withStack(configuration) { stack in
                let agent = try await stack.agentSpecification("scaffold").command.environment
                #expect(agent["BATON_REDIS_URL"] == "redis://example.invalid:1/0")
                #expect(agent["BATON_DATABASE_URL"] == nil)
                let orchestrator = try await stack.orchestratorSpecification(0).command.environment
                #expect(orchestrator["BATON_DATABASE_URL"] == "postgres://example.invalid:2/x")
            }
        }
    }

    @Test("a data directory has one stack at a time")
    func oneAtATime() async throws {
        try await withTemporaryDirectory { directory in
            try await withStack(bareConfiguration(directory)) { _ in
                let second = LocalStack(bareConfiguration(directory))
                do {
                    try await second.start()
                    Issue.record("the second stack should not have started")
                } catch let error as StackError {
                    #expect(error.code == .alreadyRunning)
                }
                #expect(StackRecord.load(from: directory)?.state == .ready)
            }
        }
    }

    @Test(
        "what a killed supervisor left running is ended by the next start and by a stop from outside",
        arguments: [true, false])
    func leftovers(byNextStart: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let log = directory + "/x.log"
            let left = try await DetachedProcess.spawn(shellCommand("exec sleep 600", log: log))
            let unrecorded = try await DetachedProcess.spawn(
                shellCommand("exec sleep 600", log: log, environment: ["BATON_STACK": directory]))
            let innocent = try await DetachedProcess.spawn(shellCommand("exec sleep 600", log: log))
            var reused = innocent.identity
            reused.startTime += 1
            var record = StackRecord(
                state: .ready, supervisor: try await deadProcess(log: log), bootID: ProcessIdentity.bootID,
                startedAt: "2026-01-01T00:00:00Z", dataDirectory: directory, binDirectory: "/", processes: [])
            record.processes = [left.identity, reused].map {
                StackRecord.Entry(
                    name: "p\($0.pid)", state: .ready, pid: $0.pid, startTime: $0.startTime, restarts: 0, log: log)
            }
            try record.save()
            if byNextStart {
                try await withStack(bareConfiguration(directory)) { _ in }
            } else {
                #expect(try await StackRecord.stop(dataDirectory: directory))
                #expect(StackRecord.load(from: directory)?.state == .stopped)
                #expect(try await !StackRecord.stop(dataDirectory: directory))
            }
            #expect(await left.waitForExit() == .signaled(SIGTERM))
            #expect(await unrecorded.waitForExit() == .signaled(SIGKILL))
            #expect(innocent.identity.isAlive, "a process that only has the pid of a recorded one must live")
            innocent.identity.sendToGroup(SIGKILL)
            _ = await innocent.waitForExit()
        }
    }

    @Test("a start that fails leaves nothing running and says why in stack.json")
    func failedStart() async throws {
        try await withTemporaryDirectory { directory in
            var configuration = bareConfiguration(directory)
            configuration.orchestrators = 1
            configuration.binDirectory = directory + "/nowhere"
            let stack = LocalStack(configuration)
            do {
                try await stack.start()
                Issue.record("it should not have started")
            } catch let error as StackError {
                #expect(error.code == .missingProgram)
                #expect(error.hint?.contains("swift build") == true)
            }
            let record = try #require(StackRecord.load(from: directory))
            #expect(record.state == .failed)
            #expect(record.message?.contains("baton-orchestrator") == true)
            #expect(record.survivors.isEmpty)
        }
    }

    @Test("orchestrators and agents get their settings by environment, and are ready by /health/ready and health file")
    func programs() async throws {
        try await withTemporaryDirectory { directory in
            let bin = directory + "/bin"
            try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
            try write(
                bin + "/baton-orchestrator",
                """
                #!/bin/sh
                env > "$BATON_DATA_DIR/env-$BATON_COMPONENT"
                mkdir -p "$BATON_DATA_DIR/www-$BATON_PORT/health" && cd "$BATON_DATA_DIR/www-$BATON_PORT"
                echo ok > health/ready; echo secret > "$BATON_DATA_DIR/admin-token"
                exec /usr/bin/python3 -m http.server --bind "$BATON_HOST" "$BATON_PORT"
                """)
            try write(
                bin + "/scaffold-agent",
                """
                #!/bin/sh
                env > "$BATON_DATA_DIR/env-$BATON_COMPONENT"
                mkdir -p "$BATON_DATA_DIR/run" && : > "$BATON_DATA_DIR/run/scaffold-$$.health"
                exec sleep 600
                """)
            var configuration = bareConfiguration(directory + "/data")
            configuration.binDirectory = bin
            configuration.orchestrators = 2
            configuration.agents = ["scaffold", "scaffold"]
            configuration.namespace = "green"
            configuration.python = .given("/usr/bin/python3")
            configuration.environment = ["EXTRA": "yes"]
            try await withStack(configuration) { stack in
                #expect(
                    await stack.components == ["orchestrator", "orchestrator-2", "scaffold-agent", "scaffold-agent-2"])
                #expect(await stack.orchestratorURLs.count == 2)
                #expect(await stack.orchestratorURLs.first == stack.url)
                #expect(await stack.clientEnvironment["BATON_TOKEN"] == "secret")
                #expect(try await stack.addAgent("scaffold") == "scaffold-agent-3")
                let path = configuration.dataDirectory + "/env-scaffold-agent-2"
                let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
                for expected in [
                    "BATON_NAMESPACE=green", "BATON_PYTHON=/usr/bin/python3", "EXTRA=yes",
                    "BATON_DATA_DIR=\(configuration.dataDirectory)", "BATON_STACK=\(configuration.dataDirectory)",
                ] {
                    #expect(lines.contains(expected), "\(expected) is missing")
                }
            }
        }
    }

    @Test("a port that was asked for and is taken is an error, a default that is taken is replaced")
    func busyPort() async throws {
        try await withTemporaryDirectory { directory in
            let bin = directory + "/bin"
            try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
            try write(bin + "/baton-orchestrator", "#!/bin/sh\nexec sleep 600\n")
            let port = try #require(LoopbackPort.free())
            let listener = DaemonCommand(
                executable: "/usr/bin/python3", arguments: ["-m", "http.server", "--bind", "127.0.0.1", "\(port)"],
                environment: ["PATH": "/usr/bin:/bin"], logFile: directory + "/web.log")
            try await withStack(bareConfiguration(directory + "/one")) { stack in
                try await stack.add(
                    ProcessSpecification(
                        name: "web", command: listener, readiness: .http(host: "127.0.0.1", port: port, path: "/")))
                var configuration = bareConfiguration(directory + "/two")
                configuration.binDirectory = bin
                configuration.orchestrators = 1
                configuration.port = port
                let second = LocalStack(configuration)
                do {
                    try await second.start()
                    Issue.record("the port was taken")
                } catch let error as StackError {
                    #expect(error.code == .portBusy)
                }
            }
        }
    }

    @Test("settings come from the environment, and a bad port is refused")
    func environment() throws {
        let configuration = try StackConfiguration(environment: [
            "BATON_DATA_DIR": "/data/x/../y", "BATON_PORT": "4000", "BATON_REDIS_URL": "redis://r",
            "BATON_DATABASE_URL": "",
            "BATON_NAMESPACE": "n", "BATON_BIN_DIR": "/opt/bin", "BATON_SHARE_DIR": "/opt/share",
        ])
        #expect(configuration.dataDirectory == "/data/y")
        #expect(configuration.port == 4000)
        #expect(configuration.redisURL == "redis://r")
        #expect(configuration.databaseURL == nil)
        #expect(configuration.binDirectory == "/opt/bin")
        #expect(configuration.shareDirectory == "/opt/share")
        #expect(throws: StackError.self) { try StackConfiguration(environment: ["BATON_PORT": "70000"]) }
    }

    private func write(_ path: String, _ text: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try #require(chmod(path, 0o755) == 0)
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    private func redisCLI(_ url: String, _ arguments: String...) async throws -> String {
        let outcome = try await ShortCommand("redis-cli", ["--no-auth-warning", "-u", url] + arguments).run()
        return (outcome.output + outcome.errors).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func psql(_ url: String, _ sql: String) async throws -> String {
        let outcome = try await ShortCommand("psql", ["-qAtX", "-c", sql, url]).run()
        return (outcome.output + outcome.errors).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
