import FaultKit
import Foundation
import Glibc
import JSONTools
import LocalStack
import PostgresDriver
import RedisDriver
import Testing

extension RealProcessTests {
    /// Processes that nobody watches over, started in the wrong order.
    @Suite("Each process started by hand")
    struct AloneTests {
        @Test("agents before Redis, the orchestrator before PostgreSQL: they wait, work, and end with 0")
        func anyOrder() async throws {
            let directory = NSTemporaryDirectory() + "baton-alone-" + UUID().uuidString.lowercased().prefix(8)
            let servers = LocalStack(directory: directory, agents: [], orchestrators: 0)
            var programs: [(name: String, process: DetachedProcess)] = []
            do {
                try await servers.start()
                try await servers.stop("redis")
                try await servers.stop("postgres")
                let port = try #require(LoopbackPort.free())
                for name in StackConfiguration.allAgents.map({ $0 + "-agent" }) + ["baton-orchestrator"] {
                    programs.append((name, try await start(name, port: port, of: servers)))
                }
                try await hear("waiting for PostgreSQL", from: "baton-orchestrator", in: directory)
                for (name, _) in programs.dropLast() { try await hear("trying again", from: name, in: directory) }
                try await servers.start("redis")
                for (name, process) in programs { #expect(process.exitReason == nil, "\(name) ended") }
                try await servers.start("postgres")
                try await work(port: port, servers)
                for (_, process) in programs { process.identity.send(SIGTERM) }
                for (name, process) in programs {
                    try await eventually(within: .seconds(30), "\(name) ends") { process.exitReason != nil }
                    #expect(process.exitReason == .exited(0), "\(name)")
                }
            } catch {
                await end(programs.map(\.process), servers)
                throw error
            }
            await end(programs.map(\.process), servers)
        }

        /// A workflow passes through them.
        private func work(port: Int, _ servers: LocalStack) async throws {
            try await eventually(within: .seconds(20), "the orchestrator is ready") {
                await HTTPStatus.get(host: "127.0.0.1", port: port, path: "/health/ready") == 200
            }
            let client = WorkflowClient(
                url: "http://127.0.0.1:\(port)",
                token: try #require(StackRecord.adminToken(in: servers.configuration.dataDirectory)))
            let record = Record(
                pool: PostgresPool(try PostgresConfiguration(url: try #require(await servers.databaseURL))))
            let redis = RedisClient(try RedisConfiguration(url: try #require(await servers.redisURL)))
            let id = try await client.create("noop", "by-hand")
            try await eventually(within: .seconds(30), "the workflow completes") {
                try await record.status(id) == "completed"
            } explain: {
                "\(try await client.workflow(id))"
            }
            #expect(try await record.attempts(id).map(\.number) == Array(repeating: 1, count: 7))
            try await Conservation(record: record, redis: redis, types: StackConfiguration.allAgents).check()
            redis.close()
            await record.pool.close()
        }

        private func start(_ name: String, port: Int, of servers: LocalStack) async throws -> DetachedProcess {
            let configuration = servers.configuration
            var environment = [
                "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": configuration.dataDirectory,
                "BATON_DATA_DIR": configuration.dataDirectory, "BATON_PORT": "\(port)",
                // Marks it as part of the stack, so that it is swept away if this test is killed.
                "BATON_STACK": configuration.dataDirectory, "BATON_OWNER": "\(ProcessIdentity.current)",
            ]
            environment["BATON_DATABASE_URL"] = await servers.databaseURL
            environment["BATON_REDIS_URL"] = await servers.redisURL
            environment["BATON_SHARE_DIR"] = configuration.shareDirectory
            return try await DetachedProcess.spawn(
                DaemonCommand(
                    executable: configuration.binDirectory + "/" + name, environment: environment,
                    logFile: log(of: name, in: configuration.dataDirectory)))
        }

        /// Waits until a process has said something.
        private func hear(_ words: String, from name: String, in directory: String) async throws {
            let path = log(of: name, in: directory)
            try await eventually(within: .seconds(20), "\(name) says '\(words)'") {
                LogTail.lines(of: path, count: 100).contains { $0.contains(words) }
            } explain: {
                LogTail.lines(of: path, count: 10).joined(separator: "\n")
            }
        }

        private func log(of name: String, in directory: String) -> String { "\(directory)/logs/\(name).log" }

        private func end(_ processes: [DetachedProcess], _ servers: LocalStack) async {
            for process in processes where process.exitReason == nil {
                process.identity.sendToGroup(SIGKILL)
                _ = await process.waitForExit()
            }
            await servers.destroy()
        }
    }
}
