import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import DeploymentAgent

extension DeploymentAgentSuites {
    /// Real HAProxy in front of real releases, under load from clients that keep their connections.
    @Suite("blue_green and canary")
    struct ProxiedDeploymentTests {
        typealias Stage = DeploymentTests.Stage

        /// Answers by their text ("one", "500 …"), and failures, while `body` ran. `/version` is asked for all the time.
        static func underLoad(
            _ stage: Stage, port: Int, _ body: () async throws -> Void
        ) async throws -> [String: Int] {
            let script = """
                const http = require("node:http"), fs = require("node:fs");
                const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
                const counts = {};
                let running = true, total = 0, last = Infinity;
                const count = (what) => {
                  counts[what] = (counts[what] ?? 0) + 1;
                  if (++total === 200) fs.writeFileSync("\(stage.sandbox.path)/load-began", "");
                  if (total >= last) running = false;
                };
                const one = () => new Promise((done) => {
                  const request = http.get({ port: \(port), path: "/version", agent }, (answer) => {
                    let text = "";
                    answer.on("data", (part) => { text += part; });
                    answer.on("end", () => { count(answer.statusCode === 200 ? text : `${answer.statusCode} ${text}`); done(); });
                    answer.on("error", (error) => { count(`failed: ${error.code}`); done(); });
                  });
                  request.on("error", (error) => { count(`failed: ${error.code}`); done(); });
                });
                const client = async () => { while (running) await one(); };
                setInterval(() => { if (fs.existsSync("\(stage.sandbox.path)/load-stop")) last = Math.min(last, total + 200); }, 20).unref();
                Promise.all(Array.from({ length: 16 }, client)).then(() => console.log(JSON.stringify(counts)));

                """
            try stage.sandbox.write(script, to: "load.js")
            let load = Task { try await stage.sandbox.run("node", [stage.sandbox.path + "/load.js"]) }
            let result: Result<Void, any Error>
            do {
                // It has had 200 answers before, and gets as many after.
                #expect(try await stage.sandbox.eventually { stage.sandbox.read("load-began") != nil })
                try await body()
                result = .success(())
            } catch {
                result = .failure(error)
            }
            try stage.sandbox.write("", to: "load-stop")
            let output = try await load.value
            for name in ["load-stop", "load-began"] {
                try FileManager.default.removeItem(atPath: stage.sandbox.path + "/" + name)
            }
            try result.get()
            let json = try JSONValue(parsing: output.text)
            return (json.objectValue ?? [:]).reduce(into: [:]) { $0[$1.key] = $1.value.intValue }
        }

        static let blueGreen: JSONObject = ["strategy": "blue_green", "watch_seconds": 1]

        @Test("a switch under load loses no request, and the old release goes only when it has answered")
        func blueGreen() async throws {
            try await DeploymentTests.staged { stage in
                let first = try await stage.deploy(TinyApp.files(version: "one"), payload: Self.blueGreen)
                #expect(first.status == .success, "\(first.errors)")
                let before = try stage.record()
                #expect(before.strategy == .blueGreen && before.slot == .blue && before.proxy?.isAlive == true)
                #expect(try await stage.version() == "one")

                let counts = try await Self.underLoad(stage, port: before.port) {
                    let second = try await stage.deploy(TinyApp.files(version: "two"), payload: Self.blueGreen)
                    #expect(second.status == .success, "\(second.errors)")
                }
                #expect(Set(counts.keys) == ["one", "two"], "\(counts)")
                #expect(counts["one"] ?? 0 > 50 && counts["two"] ?? 0 > 50, "\(counts)")
                let after = try stage.record()
                #expect(after.port == before.port && after.slot == .green && after.proxy == before.proxy)
                #expect(before.process?.isAlive == false && after.process?.isAlive == true)

                // The strategy is remembered, and going back is a switch like any other.
                let back = try await Self.underLoad(stage, port: before.port) {
                    let result = try await stage.act("rollback", ["watch_seconds": 0])
                    #expect(result.status == .success, "\(result.errors)")
                }
                #expect(Set(back.keys) == ["one", "two"], "\(back)")
                #expect(try await stage.version() == "one")
                let history = try await stage.act("history")
                let outcomes = history.output["history"]?.arrayValue?.compactMap { $0["outcome"]?.stringValue }
                #expect(outcomes == ["restored", "healthy", "healthy"])

                let stopped = try await stage.act("stop")
                #expect(stopped.status == .success && before.proxy?.isAlive == false)
                #expect(AppProcess.marked(stage.directory).isEmpty)
            }
        }

        @Test("a release that turns unhealthy after the switch is rolled back, and no request fails")
        func unhealthyAfterSwitch() async throws {
            try await DeploymentTests.staged { stage in
                #expect(
                    try await stage.deploy(TinyApp.files(version: "one"), payload: Self.blueGreen).status == .success)
                let before = try stage.record()
                let sick = TinyApp.files(
                    version: "sick", start: "const born = Date.now();", healthy: "Date.now() - born < 3000")
                let counts = try await Self.underLoad(stage, port: before.port) {
                    var payload = Self.blueGreen
                    payload["watch_seconds"] = 8
                    let result = try await stage.deploy(sick, payload: payload)
                    #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"])
                    #expect(result.errors.first?.message.contains("after the switch") == true, "\(result.errors)")
                    #expect(result.output["rolled_back_to"] == .string(before.release))
                }
                #expect(Set(counts.keys) == ["one", "sick"], "\(counts)")
                let record = try stage.record()
                #expect(record.release == before.release && record.process == before.process)
                #expect(try await stage.version() == "one")
                #expect(record.history.map(\.outcome) == [.healthy, .unhealthy, .restored])
                #expect(AppProcess.sessions(of: stage.directory).count == 2, "one release and the proxy")
            }
        }

        @Test("a release that crashes after the switch costs no request: those it didn't take go to the old one")
        func crashAfterSwitch() async throws {
            try await DeploymentTests.staged { stage in
                #expect(
                    try await stage.deploy(TinyApp.files(version: "one"), payload: Self.blueGreen).status == .success)
                let before = try stage.record()
                let start = "setTimeout(() => process.exit(7), 2500);"
                let counts = try await Self.underLoad(stage, port: before.port) {
                    var payload = Self.blueGreen
                    payload["watch_seconds"] = 8
                    let result = try await stage.deploy(TinyApp.files(version: "bad", start: start), payload: payload)
                    #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"], "\(result.errors)")
                    #expect(result.errors.first?.message.contains("it ended after the switch") == true)
                }
                #expect(Set(counts.keys) == ["one", "bad"], "\(counts)")
                #expect(try await stage.version() == "one")
            }
        }

        @Test("a canary gets its part of the requests, then all; one that answers with errors gets no more")
        func canary() async throws {
            try await DeploymentTests.staged { stage in
                let payload: JSONObject = ["strategy": "canary", "watch_seconds": 1, "canary_percent": [20]]
                #expect(try await stage.deploy(TinyApp.files(version: "one"), payload: payload).status == .success)
                let port = try stage.record().port
                let counts = try await Self.underLoad(stage, port: port) {
                    let result = try await stage.deploy(TinyApp.files(version: "two"), payload: payload)
                    #expect(result.status == .success, "\(result.errors)")
                }
                #expect(Set(counts.keys) == ["one", "two"], "\(counts)")
                #expect(try await stage.version() == "two")

                var failing = TinyApp.files(version: "bad")
                failing["server.js"] = failing["server.js"]??.replacingOccurrences(
                    of: #"send(200, "text/plain", "bad")"#, with: #"send(500, "text/plain", "bad")"#)
                let broken = try await Self.underLoad(stage, port: port) {
                    let result = try await stage.deploy(failing, payload: payload)
                    #expect(result.errors.map(\.code) == ["DEPLOYMENT_UNHEALTHY"], "\(result.errors)")
                    #expect(result.errors.first?.message.contains("5xx") == true, "\(result.errors)")
                }
                let bad = broken.filter { $0.key != "two" }
                #expect(bad.keys.elementsEqual(["500 bad"]), "\(broken)")
                #expect(bad.values.reduce(0, +) * 2 < broken["two"] ?? 0, "\(broken)")
                #expect(try await stage.version() == "two")
            }
        }

        @Test("a deployment without a proxy can be given one, and lose it again")
        func change() async throws {
            try await DeploymentTests.staged { stage in
                #expect(try await stage.deploy(TinyApp.files(version: "one")).status == .success)
                let direct = try stage.record()
                #expect(direct.strategy == .recreate && direct.proxy == nil)
                let proxied = try await stage.deploy(TinyApp.files(version: "two"), payload: Self.blueGreen)
                #expect(proxied.status == .success, "\(proxied.errors)")
                #expect(try stage.record().port == direct.port && direct.process?.isAlive == false)
                #expect(try await stage.version() == "two")
                // Half a switch that an agent left: what it started is no part of the deployment.
                let again = try await stage.deploy(
                    TinyApp.files(version: "three"), payload: ["strategy": "recreate"])
                #expect(again.status == .success, "\(again.errors)")
                #expect(try await stage.version() == "three")
                #expect(try stage.record().proxy == nil && AppProcess.sessions(of: stage.directory).count == 1)
            }
        }
    }

    @Suite("what HAProxy is told")
    struct ProxyConfigurationTests {
        let configuration = ProxyConfiguration(
            port: 4100, health: "/it's well", servers: [.blue: 5001, .green: 5002],
            route: .share(.green, percent: 10), socket: "/d/proxy.sock", map: "/d/proxy.map")

        @Test("HAProxy itself finds nothing wrong with it")
        func accepted() async throws {
            try await Sandbox.with { sandbox in
                var configuration = configuration
                configuration.map = sandbox.path + "/proxy.map"
                configuration.socket = sandbox.path + "/s"
                configuration.servers[.blue] = nil
                try sandbox.write(configuration.mapText, to: "proxy.map")
                try sandbox.write(configuration.text, to: "haproxy.cfg")
                let found = try await sandbox.run(
                    "/usr/sbin/haproxy", ["-c", "-f", sandbox.path + "/haproxy.cfg"])
                #expect(found.succeeded, "\(found.errorText)")
                #expect(!found.errorText.contains("WARNING"), "\(found.errorText)")
            }
        }

        @Test("each release stands in for the other, and a share is a share")
        func text() {
            #expect(configuration.mapText == "live both\n")
            #expect(configuration.text.contains("server green 127.0.0.1:5002 check inter 500ms fall 2 rise 1"))
            #expect(configuration.weight(.blue) == 90 && configuration.weight(.green) == 10)
            #expect(configuration.text.split(separator: "\n").count { $0.hasSuffix(" backup") } == 2)
        }

        @Test("figures are summed over the backends")
        func figures() {
            let table = """
                # pxname,svname,scur,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,
                blue,blue,1,0,10,1,0,2,
                both,blue,2,0,5,0,0,1,
                both,green,7,0,7,0,0,7,

                """
            let figures = ProxySocket.figures(of: .blue, in: table)
            #expect(figures == .init(current: 3, answers: 19, errors: 3))
        }
    }
}
