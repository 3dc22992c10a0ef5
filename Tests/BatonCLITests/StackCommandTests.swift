import Foundation
import Glibc
import JSONTools
import LocalStack
import Testing

@Suite("baton up, status, env, down", .serialized)
struct StackCommandTests {
    @Test("a stack is started in the background, seen, used by eval, and stopped without a trace")
    func lifeCycle() async throws {
        try await withInstallation { baton in
            #expect(try await baton.baton("status").status == 69)
            try await baton.up()

            let status = try await baton.baton("status", "--json")
            #expect(status.status == 0)
            let document = try status.json()
            #expect(document["state"] == "ready")
            let processes = try #require(document["processes"]?.arrayValue)
            #expect(processes.map { $0["name"] } == ["orchestrator", "scaffold-agent"])
            #expect(processes.allSatisfy { $0["health"] == "ok" && $0["pid"]?.intValue != nil })
            #expect(!status.output.contains("secret-token"))

            let environment = try await baton.baton("env")
            #expect(environment.lines.contains("export BATON_URL=\(document["url"]?.stringValue ?? "?")"))
            #expect(environment.lines.contains("export BATON_TOKEN=secret-token"))

            let again = try await baton.baton("up", "--detach")
            #expect(again.status == 0)
            #expect(again.output.contains("up already"))
            #expect(try await baton.baton("up").status == 75, "a second one in the foreground is refused")

            let pids = processes.compactMap { $0["pid"]?.intValue }
            let down = try await baton.baton("down")
            #expect(down.output == "Baton is down.\n")
            #expect(pids.allSatisfy { kill(pid_t($0), 0) != 0 })
            #expect(try await baton.baton("status").status == 69)
            #expect(try await baton.baton("down").output.hasPrefix("No stack was running"))
        }
    }

    @Test("what dies is started again by the background stack, which status tells")
    func restart() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let agent = try #require(
                StackRecord.load(from: baton.data)?.processes.first { $0.name == "scaffold-agent" }?.identity)
            agent.sendToGroup(SIGKILL)
            try await eventually("the agent is ready again") {
                let entry = StackRecord.load(from: baton.data)?.processes.first { $0.name == "scaffold-agent" }
                return entry?.state == .ready && entry?.restarts == 1
            }
            let status = try await baton.baton("status")
            #expect(status.status == 0)
            #expect(status.output.contains("restarted 1×, last: signal 9 (Killed)"))
        }
    }

    @Test("processes whose supervisor was killed are shown as such, and down ends them")
    func killedSupervisor() async throws {
        try await withInstallation { baton in
            try await baton.up()
            let record = try #require(StackRecord.load(from: baton.data))
            record.supervisor.send(SIGKILL)
            try await eventually("the supervisor is dead") { !record.supervisor.isAlive }
            let status = try await baton.baton("status", "--json")
            #expect(status.status == 75)
            #expect(try status.json()["state"] == "unsupervised")
            #expect(try await baton.baton("down").output == "Baton is down.\n")
            #expect(record.survivors.isEmpty)
        }
    }

    @Test("a stack that can't start says why, with the log and the next command")
    func failedStart() async throws {
        try await withInstallation { baton in
            try baton.write("scaffold-agent", "#!/bin/sh\necho no such quota; exit 1\n")
            let outcome = try await baton.baton("up", "--detach", "--agents", "scaffold")
            #expect(outcome.status == 69)
            #expect(outcome.errors.contains("scaffold-agent ends as soon as it is started"))
            #expect(outcome.errors.contains("no such quota"))
            #expect(outcome.errors.contains("next: "))
            #expect(StackRecord.load(from: baton.data)?.survivors.isEmpty == true)
        }
    }

    @Test("a stack in the foreground ends its processes when it is interrupted")
    func foreground() async throws {
        try await withInstallation { baton in
            let log = baton.directory + "/up.log"
            let process = try await baton.start("up", "--agents", "scaffold", log: log)
            try await eventually("it is up") {
                LogTail.lines(of: log, count: 50).contains { $0.hasPrefix("Baton is up at") }
            }
            let record = try #require(StackRecord.load(from: baton.data))
            #expect(record.survivors.count == 2)
            process.identity.send(SIGINT)
            #expect(await process.waitForExit() == .exited(0))
            #expect(record.survivors.isEmpty)
            #expect(StackRecord.load(from: baton.data)?.state == .stopped)
        }
    }

    @Test("migrate and validate are passed on to the orchestrator's program")
    func orchestratorProgram() async throws {
        try await withInstallation { baton in
            #expect(try await baton.baton("migrate").output == "migrated postgres://example.invalid/x\n")
            let file = baton.directory + "/d.yaml"
            try "name: x\n".write(toFile: file, atomically: true, encoding: .utf8)
            let outcome = try await baton.baton("validate", file)
            #expect(outcome.status == 65)
            #expect(outcome.output == "no stages\n")
            #expect(try await baton.baton("validate", "/no/such/file").status == 66)
        }
    }

    @Test("doctor names what is missing and hides passwords")
    func doctor() async throws {
        try await withInstallation { baton in
            let outcome = try await baton.baton(
                "doctor", "--json",
                environment: ["BATON_DATABASE_URL": "postgres://me:hush@db/x", "BATON_TOKEN": "quiet"])
            #expect(outcome.status == 69)
            let document = try outcome.json()
            let executables = document["checks"]?.arrayValue?.first { $0["name"] == "executables" }
            #expect(executables?["verdict"] == "missing")
            #expect(executables?["found"]?.stringValue?.contains("e2e-agent") == true)
            #expect(!outcome.output.contains("hush"))
            #expect(!outcome.output.contains("quiet"))
            let setting = document["settings"]?.arrayValue?.first { $0["name"] == "BATON_DATA_DIR" }
            #expect(setting == ["name": "BATON_DATA_DIR", "value": .string(baton.data), "from": "environment"])
        }
    }

    @Test("settings of baton.yaml are below those of the environment, and doctor tells which is which")
    func configurationFile() async throws {
        try await withInstallation { baton in
            try "port: 4711\nnamespace: file\ndata_dir: /nowhere\n".write(
                toFile: baton.directory + "/baton.yaml", atomically: true, encoding: .utf8)
            let document = try await baton.baton(
                "doctor", "--json", environment: ["BATON_NAMESPACE": "environment"]
            ).json()
            let settings = document["settings"]?.arrayValue ?? []
            let port: JSONValue = ["name": "BATON_PORT", "value": "4711", "from": "baton.yaml"]
            #expect(settings.contains(port))
            let namespace: JSONValue = ["name": "BATON_NAMESPACE", "value": "environment", "from": "environment"]
            #expect(settings.contains(namespace))
            try "colour: red\n".write(toFile: baton.directory + "/baton.yaml", atomically: true, encoding: .utf8)
            let refused = try await baton.baton("status")
            #expect(refused.status == 65)
            #expect(refused.errors.contains("baton.yaml:1: there is no setting \"colour\""))
        }
    }
}
