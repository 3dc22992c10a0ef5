import Foundation
import Glibc
import JSONTools
import LocalStack
import Testing

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
