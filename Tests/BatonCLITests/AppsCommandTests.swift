import Foundation
import Glibc
import JSONTools
import LocalStack
import Testing

@testable import BatonCLI

@Suite("baton apps")
struct AppsCommandTests {
    @Test("deployed apps are listed as they are, and stopped with all that they started")
    func listAndStop() async throws {
        try await withInstallation { baton in
            let directory = baton.data + "/deployments/shop"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let script = "trap 'exit 0' TERM; setsid sleep 600 & echo serving; wait"
            let app = try await DetachedProcess.spawn(
                DaemonCommand(
                    executable: "/bin/sh", arguments: ["-c", script],
                    environment: [
                        "PATH": "/usr/bin:/bin", "BATON_DEPLOYMENT": directory, "BATON_TEST": baton.directory,
                    ],
                    logFile: directory + "/app.log"))
            try await eventually("the app serves") {
                LogTail.lines(of: directory + "/app.log", count: 5) == ["serving"]
            }
            let history: JSONValue = [["release": "r1", "outcome": "healthy", "at": "2026-01-01T00:00:00Z"]]
            let record: JSONValue = [
                "version": 1, "name": "shop", "url": "http://127.0.0.1:4100", "pid": .integer(Int64(app.identity.pid)),
                "start_time": .integer(Int64(app.identity.startTime)), "commit": "c0ffee", "release": "r1",
                "status": "running", "log": .string(directory + "/app.log"), "history": history,
            ]
            try record.prettyPrinted().write(toFile: directory + "/app.json", atomically: true, encoding: .utf8)

            let listed = try await baton.baton("apps", "--json").json()
            #expect(listed["items"]?[0]?["status"] == "running")
            #expect(try await baton.baton("apps", "logs", "shop").output == "serving\n")
            #expect(
                try await baton.baton("apps", "history", "shop").lines.last?.hasPrefix("r1       current  healthy")
                    == true)
            #expect(try await baton.baton("down").output.contains("Deployed apps go on: shop."))

            #expect(try await baton.baton("apps", "stop", "shop").output == "shop is stopped.\n")
            #expect(await app.waitForExit() == .exited(0))
            // What was killed is seen until its parent has taken note of it.
            try await eventually("what the app started in another session is ended too") {
                Self.processes(marked: "BATON_DEPLOYMENT=\(directory)").isEmpty
            }
            let after = try await baton.baton("apps", "list", "--json").json()
            #expect(after["items"]?[0]?["status"] == "stopped")
            #expect(after["items"]?[0]?["release"] == "r1")
            #expect(try await baton.baton("apps", "stop", "shop").output == "shop was not running.\n")
            #expect(try await baton.baton("apps", "stop", "shopp").errors.contains("did you mean shop?"))
        }
    }

    /// The processes whose environment has this entry.
    private static func processes(marked entry: String) -> [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.filter { pid in
            guard Int32(pid) != nil, let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else {
                return false
            }
            return bytes.split(separator: 0).contains(Data(entry.utf8))
        }
    }

    @Test("rollback has the deployment agent bring a release back, and tells what it says")
    func rollback() async throws {
        try await withInstallation { baton in
            try FileManager.default.createSymbolicLink(
                atPath: baton.bin + "/deployment-agent",
                withDestinationPath: URL(fileURLWithPath: try Installation.program()).deletingLastPathComponent()
                    .appending(path: "deployment-agent").path)
            let (first, second) = (try await deploy("one", in: baton), try await deploy("two", in: baton))
            let listed = try await baton.baton("apps", "--json").json()
            let url = try #require(listed["items"]?[0]?["url"]?.stringValue)
            #expect(await PlainHTTP.ask("GET", url)?.text == "two")

            let back = try await baton.baton("apps", "rollback", "shop")
            #expect(back.output == "shop is back at \(first): healthy at \(url).\n", "\(back.errors)")
            #expect(await PlainHTTP.ask("GET", url)?.text == "one")
            let history = try await baton.baton("apps", "history", "shop").lines
            #expect(history.count == 4 && history[1].hasPrefix("\(first)  current  restored"), "\(history)")
            let forth = try await baton.baton("apps", "rollback", "shop", second, "--json").json()
            #expect(forth["release"]?.stringValue == second && forth["health"]?["healthy"] == true)

            let unknown = try await baton.baton("apps", "rollback", "shop", "0123456789ab")
            #expect(unknown.status == 66 && unknown.errors.contains("there are: \(first)."), "\(unknown.errors)")
            #expect(unknown.errors.contains("next: `baton apps history shop`"))
            #expect(try await baton.baton("apps", "rollback", "shopp").errors.contains("did you mean shop?"))
            // A release that can't serve any more: what serves goes on.
            try FileManager.default.removeItem(atPath: baton.data + "/deployments/shop/releases/\(first)/server.py")
            let sick = try await baton.baton("apps", "rollback", "shop", first)
            #expect(sick.status == 1 && sick.errors.contains("DEPLOYMENT_UNHEALTHY"), "\(sick.errors)")
            #expect(await PlainHTTP.ask("GET", url)?.text == "two")
            #expect(try await baton.baton("apps", "stop", "shop").output == "shop is stopped.\n")
        }
    }

    /// Deploys an app that says a word by the deployment agent itself, and gives its release.
    private func deploy(_ word: String, in baton: Installation) async throws -> String {
        let source = baton.directory + "/source"
        let server = """
            import http.server, os
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(b"\(word)")
            http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
            """
        let manifest = #"{"version": 1, "name": "shop", "commands": {"start": [["python3", "server.py"]]}}"#
        try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
        try server.write(toFile: source + "/server.py", atomically: true, encoding: .utf8)
        try manifest.write(toFile: source + "/baton.json", atomically: true, encoding: .utf8)
        let git = """
            git init -q -b main . && git add . \
                && git -c user.name=t -c user.email=t@example.org commit -q -m "$1" && git rev-parse HEAD
            """
        let committed = try await ShortCommand(
            "/bin/sh", ["-ec", git, "sh", word], environment: baton.environment, in: source
        ).run()
        try #require(committed.succeeded, "\(committed.errors)")
        let commit = committed.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let task: JSONValue = [
            "action": "deployment", "payload": ["name": "shop"],
            "workspace": ["url": .string(source), "commit": .string(commit), "mode": "read"],
        ]
        try task.prettyPrinted().write(toFile: baton.directory + "/task.json", atomically: true, encoding: .utf8)
        let deployed = try await ShortCommand(
            baton.bin + "/deployment-agent", ["--task", baton.directory + "/task.json"], environment: baton.environment
        ).run()
        let output = try JSONValue(parsing: deployed.output)["output"]
        return try #require(output?["release"]?.stringValue, "\(deployed.output)\(deployed.errors)")
    }

    @Test("what runs by Docker and the like is left to the deployment agent, as is starting again what is down")
    func elsewhere() async throws {
        try await withInstallation { baton in
            try baton.write(
                "deployment-agent",
                """
                #!/bin/sh
                cat "$2" >> "$BATON_DATA_DIR/asked" && echo >> "$BATON_DATA_DIR/asked"
                echo '{"status": "success", "output": {"started": ["shop"], "was_running": true, "release": "r1"}}'
                """)
            let parent = baton.data + "/deployments"
            let shop: JSONValue = [
                "name": "shop", "target": "docker", "status": "running", "url": "http://127.0.0.1:4200",
                "current": ["release": "r2", "commit": "c0ffee"],
                "history": [["release": "r2", "outcome": "healthy", "at": "2026-01-01T00:00:00Z"]],
            ]
            let desk: JSONValue = ["name": "desk", "pid": 999_999_999, "start_time": 1, "status": "running"]
            let supervision: JSONValue = ["pid": 999_999_999, "restarts": 3, "gave_up": true]
            for (file, document) in [
                ("shop/target.json", shop), ("desk/app.json", desk), ("desk/supervision.json", supervision),
                ("restore.json", ["action": "restore"]),
            ] as [(String, JSONValue)] {
                let path = URL(fileURLWithPath: "\(parent)/\(file)")
                try FileManager.default.createDirectory(
                    at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
                try document.prettyPrinted().write(to: path, atomically: true, encoding: .utf8)
            }
            func asked() -> String { (try? String(contentsOfFile: baton.data + "/asked", encoding: .utf8)) ?? "" }

            let listed = try await baton.baton("apps").lines
            #expect(listed[1].hasPrefix("desk  crashed, restarted 3×  "), "\(listed)")
            #expect(listed[2].hasSuffix("http://127.0.0.1:4200  docker     c0ffee"), "\(listed)")
            #expect(try await baton.baton("apps", "history", "shop").lines.last?.hasPrefix("r2       current") == true)
            #expect(try await baton.baton("apps", "logs", "shop").status == 69)
            let all = try await baton.baton("apps", "stop", "--all")
            #expect(all.lines.last == "shop goes on: it runs by docker. `baton apps stop shop` stops it.")
            #expect(asked().isEmpty)
            #expect(try await baton.baton("apps", "stop", "shop").output == "shop is stopped.\n")
            #expect(try await baton.baton("apps", "rollback", "shop", "r1").status == 0)
            let tasks = try asked().split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            #expect(tasks.map { $0["action"] } == ["stop", "rollback"])
            #expect(tasks.last?["payload"] == ["name": "shop", "health_timeout_seconds": 30, "to": "r1"])

            try await baton.up()
            try await eventually("what was down is told to be up") {
                LogTail.lines(of: baton.data + "/logs/supervisor.log", count: 50)
                    .contains("✔ deployed apps are started again: shop")
            }
            #expect(asked().contains("restore"))
        }
    }

    @Test("an app whose process is gone is shown as crashed")
    func crashed() async throws {
        try await withInstallation { baton in
            let directory = baton.data + "/deployments/gone"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let record: JSONValue = ["name": "gone", "pid": 999_999_999, "start_time": 1, "status": "running"]
            try record.prettyPrinted().write(toFile: directory + "/app.json", atomically: true, encoding: .utf8)
            let outcome = try await baton.baton("apps")
            #expect(outcome.output.contains("gone  crashed"))
            #expect(outcome.output.contains("`baton apps logs gone`"))
        }
    }
}
