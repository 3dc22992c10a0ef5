import Foundation
import JSONTools
import LocalStack
import Testing

@testable import BatonCLI

/// Each trouble is planted, `baton doctor` has to name it, and what it says to do has to mend it.
@Suite("baton doctor")
struct DoctorTests {
    private static let share =
        URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("share").path

    /// What doctor says of one thing, with these variables; nil if it says nothing.
    private func check(
        _ name: String, _ baton: Installation, _ environment: [String: String]
    ) async throws -> (json: JSONValue, status: Int32)? {
        // No servers but those that are planted.
        let none = ["BATON_REDIS_URL": "", "BATON_DATABASE_URL": ""]
        let outcome = try await baton.baton("doctor", "--json", environment: none.merging(environment) { $1 })
        let found = try outcome.json()["checks"]?.arrayValue?.first { $0["name"]?.stringValue == name }
        return found.map { ($0, outcome.status) }
    }

    /// The command between the first backquotes of what is to be done next.
    private func command(_ check: JSONValue?) throws -> String {
        let next = try #require(check?["next"]?.stringValue)
        return String(try #require(next.split(separator: "`").dropFirst(next.hasPrefix("`") ? 0 : 1).first))
    }

    /// Runs a Redis for a test.
    private func withRedis(
        _ baton: Installation, _ options: [String], _ body: (String) async throws -> Void
    ) async throws {
        let port = try #require(LoopbackPort.free())
        let redis = try await DetachedProcess.spawn(
            DaemonCommand(
                executable: try #require(Programs.find("redis-server")),
                arguments: ["--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--dir", baton.directory]
                    + options,
                environment: ["PATH": "/usr/bin:/bin", "BATON_TEST": baton.directory],
                logFile: baton.directory + "/redis.log"))
        defer { _ = redis.identity.sendToGroup(SIGKILL) }
        let url = "redis://127.0.0.1:\(port)/0"
        try await eventually("Redis answers") {
            (try? await ShortCommand("redis-cli", ["-u", url, "ping"]).run().output) == "PONG\n"
        }
        try await body(url)
    }

    @Test("a Redis that evicts is found, and the command that is printed mends it")
    func eviction() async throws {
        try await withInstallation { baton in
            try await withRedis(baton, ["--maxmemory-policy", "allkeys-lru"]) { url in
                let environment = ["BATON_REDIS_URL": url]
                let found = try #require(try await check("redis", baton, environment))
                #expect(found.json["verdict"] == "missing" && found.status == 69)
                #expect(found.json["found"]?.stringValue?.contains("allkeys-lru") == true)
                let mend = try command(found.json)
                let outcome = try await ShortCommand(
                    "/bin/sh", ["-c", mend], environment: environment.merging(["PATH": "/usr/bin:/bin"]) { $1 }
                ).run()
                #expect(outcome.output == "OK\n", "\(mend): \(outcome.output)\(outcome.errors)")
                #expect(try await check("redis", baton, environment)?.json["verdict"] == "good")
            }
        }
    }

    @Test("a Redis Cluster and a Redis that isn't there are found; without the variable the trouble is gone")
    func cluster() async throws {
        try await withInstallation { baton in
            try await withRedis(baton, ["--cluster-enabled", "yes"]) { url in
                let found = try #require(try await check("redis", baton, ["BATON_REDIS_URL": url]))
                #expect(found.json["verdict"] == "missing" && found.status == 69)
                #expect(found.json["found"]?.stringValue?.contains("Redis Cluster") == true)
                #expect(try command(found.json) == "unset BATON_REDIS_URL")
            }
            let port = try #require(LoopbackPort.free())
            let away = try #require(try await check("redis", baton, ["BATON_REDIS_URL": "redis://127.0.0.1:\(port)"]))
            #expect(away.json["verdict"] == "warning")
            #expect(try command(away.json) == "redis-cli -u \"$BATON_REDIS_URL\" ping")
            #expect(try await check("redis", baton, [:]) == nil)
        }
    }

    @Test("a port that is taken is found if it was chosen; another one is fine")
    func port() async throws {
        try await withInstallation { baton in
            try await withRedis(baton, []) { url in
                let port = try #require(url.split(separator: ":").last?.split(separator: "/").first.map(String.init))
                let found = try #require(try await check("port", baton, ["BATON_PORT": port]))
                #expect(found.json["verdict"] == "missing" && found.status == 69)
                #expect(found.json["next"]?.stringValue?.contains("set BATON_PORT to another one") == true)
                let free = try #require(LoopbackPort.free())
                #expect(try await check("port", baton, ["BATON_PORT": "\(free)"])?.json["verdict"] == "good")
                #expect(try await check("port", baton, ["BATON_PORT": "many"])?.json["verdict"] == "missing")
            }
        }
    }

    @Test("a tool that is missing is named with its package")
    func tool() async throws {
        try await withInstallation { baton in
            let path = baton.directory + "/path"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let found = try #require(try await check("git", baton, ["PATH": path]))
            #expect(found.json["verdict"] == "missing" && found.status == 69)
            #expect(found.json["next"] == "sudo apt-get install git")
            let git = try #require(Programs.find("git"))
            try FileManager.default.createSymbolicLink(atPath: path + "/git", withDestinationPath: git)
            #expect(try await check("git", baton, ["PATH": path])?.json["verdict"] == "good")
        }
    }

    @Test("a wrong URL, a token of another stack and a clock that is off are found")
    func api() async throws {
        try await withInstallation { baton in
            let port = try #require(LoopbackPort.free())
            let away = try #require(try await check("api", baton, ["BATON_URL": "http://127.0.0.1:\(port)"]))
            #expect(away.json["verdict"] == "warning" && away.json["next"]?.stringValue?.contains("BATON_URL") == true)
            // Something that speaks HTTP, and is no Baton.
            let web = try await DetachedProcess.spawn(
                DaemonCommand(
                    executable: "/usr/bin/python3", arguments: ["-m", "http.server", "--bind", "127.0.0.1", "\(port)"],
                    environment: ["PATH": "/usr/bin:/bin", "BATON_TEST": baton.directory],
                    workingDirectory: baton.directory, logFile: baton.directory + "/web.log"))
            defer { _ = web.identity.sendToGroup(SIGKILL) }
            let url = "http://127.0.0.1:\(port)"
            try await eventually("it answers") {
                (try? await ShortCommand("curl", ["-s", "-o", "/dev/null", url]).run().succeeded) == true
            }
            let other = try #require(try await check("api", baton, ["BATON_URL": url]))
            #expect(other.json["found"]?.stringValue?.contains("is no Baton") == true)
            #expect(try command(other.json) == "unset BATON_URL")
            // The stand-in's clock is ten minutes ahead.
            let free = try #require(LoopbackPort.free())
            let up = try await baton.baton(
                "up", "--detach", "--agents", "scaffold",
                environment: ["BATON_PORT": "\(free)", "BATON_NAMESPACE": "clock"])
            try #require(up.status == 0, "\(up.errors)")
            #expect(try await check("api", baton, [:])?.json["verdict"] == "good")
            #expect(try await check("token", baton, [:])?.json["verdict"] == "good")
            let clock = try #require(try await check("clock", baton, [:]))
            #expect(clock.json["verdict"] == "warning")
            #expect(clock.json["found"]?.stringValue?.hasSuffix("behind the database's") == true)
            #expect(clock.json["next"]?.stringValue?.contains("set the clock") == true)
            let token = try #require(try await check("token", baton, ["BATON_TOKEN": "of another stack"]))
            #expect(token.json["verdict"] == "warning")
            #expect(token.json["next"]?.stringValue?.contains("unset it") == true)
        }
    }

    @Test("a database with an old schema is found, and the command that is printed mends it")
    func schema() async throws {
        try await withInstallation { baton in
            var configuration = StackConfiguration.ephemeral(
                dataDirectory: baton.directory + "/servers", agents: [], orchestrators: 0)
            configuration.usesRedis = false
            let stack = LocalStack(configuration)
            do {
                try await stack.start()
                let database = try #require(await stack.databaseURL)
                // The orchestrator's own program this time: it knows the schema.
                let bin = URL(fileURLWithPath: try Installation.program()).deletingLastPathComponent().path
                let environment = ["BATON_DATABASE_URL": database, "BATON_BIN_DIR": bin, "BATON_SHARE_DIR": Self.share]
                let found = try #require(try await check("schema", baton, environment))
                #expect(found.json["verdict"] == "warning", "\(found.json)")
                #expect(found.json["found"]?.stringValue?.contains("lacks migration") == true, "\(found.json)")
                #expect(try command(found.json) == "baton migrate")
                let mended = try await baton.baton("migrate", environment: environment)
                #expect(mended.status == 0, "\(mended.errors)")
                #expect(try await check("schema", baton, environment)?.json["verdict"] == "good")
            } catch {
                await stack.destroy()
                throw error
            }
            await stack.destroy()
        }
    }

    @Test("a disk that is nearly full is found, and one that can't be looked at")
    func disk() {
        let full = DoctorChecks.diskSpace(free: 1 << 30, in: "/data")
        #expect(full.verdict == .warning && full.found == "1.0 GiB free in /data")
        #expect(full.next?.contains("BATON_DATA_DIR") == true)
        #expect(DoctorChecks.diskSpace(free: 2 << 30, in: "/data").verdict == .good)
        #expect(DoctorChecks.diskSpace(free: nil, in: "/data").verdict == .warning)
    }
}
