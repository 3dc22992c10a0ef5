import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import ProjectTools
import Testing

@testable import DeploymentAgent

extension AppProcess {
    /// The sessions that processes of a deployment belong to: one an app, with its supervisor, and one a proxy.
    static func sessions(of directory: String) -> Set<Int32> {
        Set(marked(directory).compactMap { ProcessStat(of: $0.processID)?.session })
    }
}

extension DeploymentAgentSuites {
    /// What keeps apps running when no agent is there.
    @Suite("supervision of deployed apps")
    struct SupervisionTests {
        @Test("an app that crashes is started again at its address, and status says how often")
        func restarted() async throws {
            try await DeploymentTests.staged { stage in
                _ = try await stage.deploy(TinyApp.files(version: "one"))
                let record = try stage.record()
                let leader = try #require(record.process)
                let app = try #require(
                    AppProcess.marked(stage.directory).first { $0.processID != leader.processID })
                kill(app.processID, SIGKILL)
                #expect(try await stage.sandbox.eventually(within: 60) { !app.isAlive })
                #expect(try await stage.sandbox.eventually(within: 60) { try await stage.version() == "one" })
                #expect(leader.isAlive)
                #expect(try stage.record() == record)
                let status = try await stage.act("status")
                #expect(status.output["supervision"]?["restarts"] == 1)
                #expect(status.output["supervision"]?["last_exit_code"] == 137)
                #expect(status.output["summary"]?.stringValue?.contains("restarted 1 times") == true)
                #expect(stage.sandbox.read(record.log)?.contains("ended with code 137") == true)
                // Stopping stops all of it.
                #expect(try await stage.act("stop").status == .success)
                #expect(AppProcess.marked(stage.directory).isEmpty)
            }
        }

        /// Starts something that notes each of its runs and crashes, once `go` is there.
        private func crashing(_ sandbox: Sandbox, _ supervisor: AppSupervisor) throws -> AppProcess.Identity {
            try AppProcess.start(
                .init(
                    executable: "/bin/sh",
                    arguments: ["-c", "while [ ! -e go ]; do sleep 0.02; done; echo run >> runs; exit 7"],
                    environment: ["PATH": "/usr/bin:/bin"], directory: sandbox.path, log: sandbox.path + "/log",
                    supervisor: supervisor))
        }

        @Test("an app that crashes again and again is given up, and that is noted")
        func givenUp() async throws {
            try await Sandbox.with { sandbox in
                let directory = DeploymentDirectory(TargetStage.name, parent: sandbox.path)
                try directory.make()
                var supervisor = AppSupervisor(directory)
                supervisor.maxRestarts = 2
                supervisor.pauseSeconds = 0
                let process = try crashing(sandbox, supervisor)
                var record = DeploymentPartsTests.record
                record.status = .running
                record.process = process
                try directory.write(record)
                try sandbox.write("", to: "go")
                #expect(try await sandbox.eventually(within: 60) { !process.isAlive })
                #expect(sandbox.read("runs") == "run\nrun\nrun\n")
                let note = try #require(AppSupervisor.note(in: directory, of: process))
                #expect(note["gave_up"] == true && note["restarts"] == 2 && note["last_exit_code"] == 7)
                #expect(sandbox.read("log")?.contains("is not started again") == true)
            }
        }

        @Test(
            "an app that isn't in service is not started again", arguments: [AppRecord.Status.starting, .stopped, nil])
        func notInService(_ status: AppRecord.Status?) async throws {
            try await Sandbox.with { sandbox in
                let directory = DeploymentDirectory(TargetStage.name, parent: sandbox.path)
                try directory.make()
                let process = try crashing(sandbox, AppSupervisor(directory))
                var record = DeploymentPartsTests.record
                record.status = status ?? .running
                // Another one serves.
                record.process = status == nil ? .init(processID: 1 << 20, startTime: 1) : process
                try directory.write(record)
                try sandbox.write("", to: "go")
                #expect(try await sandbox.eventually(within: 60) { !process.isAlive })
                #expect(sandbox.read("runs") == "run\n")
                #expect(!sandbox.exists(directory.supervisionFile))
            }
        }

        @Test("after a reboot, restore brings back what served, at its address, and nothing else")
        func restore() async throws {
            try await DeploymentTests.staged { stage in
                _ = try await stage.deploy(
                    TinyApp.files(version: "one"), payload: ["environment": ["GREETING": "hello"]])
                let before = try stage.record()
                #expect(stage.sandbox.exists(stage.sandbox.data + "/deployments/restore.json"))
                #expect(try await stage.act("restore").output["summary"] == "everything runs that should")
                #expect(try stage.record() == before)
                // What a reboot leaves is a record of processes that are gone.
                await AppProcess.stopStrays(of: stage.directory)
                #expect(try await stage.act("status").output["status"] == "crashed")
                let restored = try await stage.act("restore")
                #expect(restored.status == .success, "\(restored.errors)")
                #expect(restored.output["started"] == ["tiny-app"])
                #expect(try await stage.version() == "one")
                let record = try stage.record()
                #expect(record.port == before.port && record.process != before.process)
                let variables = try await stage.sandbox.get(record.url + "/environment")
                #expect(variables?.contains("hello") == true)
                _ = try await stage.act("stop")
                #expect(try await stage.act("restore").output["started"] == [])
                #expect(AppProcess.marked(stage.directory).isEmpty)
            }
        }

        @Test("restore brings back a release and its proxy")
        func restoreProxied() async throws {
            try await DeploymentTests.staged { stage in
                let result = try await stage.deploy(
                    TinyApp.files(version: "one"), payload: ["strategy": "blue_green", "watch_seconds": 0])
                #expect(result.status == .success, "\(result.errors)")
                await AppProcess.stopStrays(of: stage.directory)
                let restored = try await stage.act("restore")
                #expect(restored.status == .success, "\(restored.errors)")
                #expect(try await stage.version() == "one")
                #expect(AppProcess.sessions(of: stage.directory).count == 2)
            }
        }

        @Test("an app's variables, secrets among them, reach the app and nobody else")
        func variables() async throws {
            try await DeploymentTests.staged { stage in
                let secret = "s3cret-value-of-the-test"
                try stage.sandbox.write(secret, to: "secrets/KEY")
                let payload: JSONObject = ["environment": ["API_KEY": ["secret": "KEY"], "COLOUR": "green"]]
                let task = try await stage.task(
                    TinyApp.files(version: "one", start: "console.log(process.env.API_KEY.length);"), payload: payload)
                let result = try await stage.sandbox.run(
                    task, type: "deployment", actions: DeploymentTests.actions,
                    environment: ["BATON_SECRETS_DIR": stage.sandbox.path + "/secrets"])
                #expect(result.status == .success, "\(result.errors)")
                let url = try stage.record().url
                let seen = try #require(try await stage.sandbox.get(url + "/environment"))
                #expect(seen.contains(secret) && seen.contains("green"))
                let file = stage.directory + "/environment.json"
                let permissions = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
                #expect(permissions as? Int == 0o600)
                #expect(stage.sandbox.read(stage.directory + "/app.json")?.contains(secret) == false)
                #expect(!String(decoding: result.encoded(), as: UTF8.self).contains(secret))
                // Not on a command line either.
                for process in AppProcess.marked(stage.directory) {
                    let line = SmallFile.read("/proc/\(process.processID)/cmdline", maxBytes: 1 << 20) ?? []
                    #expect(!String(decoding: line, as: UTF8.self).contains(secret))
                }
                // Kept until others are given.
                _ = try await stage.deploy(TinyApp.files(version: "two"))
                #expect(try await stage.sandbox.get(url + "/environment")?.contains("green") == true)
                _ = try await stage.deploy(TinyApp.files(version: "three"), payload: ["environment": [:]])
                #expect(try await stage.sandbox.get(url + "/environment")?.contains("green") == false)
            }
        }

        @Test("with a systemd, a unit is enabled once that starts the apps after a reboot")
        func bootUnit() async throws {
            try await DeploymentTests.staged { stage in
                let bin = stage.sandbox.path + "/bin"
                let script = """
                    #!/bin/sh
                    echo "$*" >> '\(stage.sandbox.path)/systemctl'
                    [ "$1" != --user ] || shift
                    case $1 in
                        is-system-running) echo degraded; exit 1 ;;
                        is-enabled) [ -e '\(stage.sandbox.path)/enabled' ] || { echo disabled; exit 1; } ;;
                        enable) touch '\(stage.sandbox.path)/enabled' ;;
                    esac

                    """
                try stage.sandbox.write(script, to: bin + "/systemctl")
                chmod(bin + "/systemctl", 0o755)
                let path = bin + ":" + (stage.sandbox.environment["PATH"] ?? "")
                for version in ["one", "two"] {
                    let task = try await stage.task(TinyApp.files(version: version))
                    let result = try await stage.sandbox.run(
                        task, type: "deployment", actions: DeploymentTests.actions, environment: ["PATH": path])
                    #expect(result.status == .success, "\(result.errors)")
                }
                let commands = stage.sandbox.read("systemctl") ?? ""
                #expect(
                    commands.split(separator: "\n").count { $0.contains(" enable ") || $0.hasPrefix("enable ") } == 1)
                let folder = stage.sandbox.data + "/deployments"
                let name = try #require(
                    SmallFile.names(in: folder).first { $0.hasPrefix("baton-apps-") && $0.hasSuffix(".service") })
                let file = folder + "/" + name
                #expect(commands.contains("enable \(file)\n"))
                let text = try #require(stage.sandbox.read(file))
                #expect(text.contains("--task \"\(stage.sandbox.data)/deployments/restore.json\""))
                #expect(text.contains("Environment=\"BATON_DATA_DIR=\(stage.sandbox.data)\""))
            }
        }

        @Test("a unit's text quotes what systemd reads otherwise")
        func unitText() {
            let text = BootUnit.text(
                executable: "/opt/a b/agent", task: "/data/$x%h/restore.json", isSystem: false,
                variables: [("BATON_DATA_DIR", "/data/$x%h\"\\")])
            #expect(text.contains(#"ExecStart="/opt/a b/agent" --task "/data/$$x%%h/restore.json""#))
            #expect(text.contains(#"Environment="BATON_DATA_DIR=/data/$x%%h\"\\""#))
            #expect(text.contains("WantedBy=default.target"))
        }
    }
}
