import Foundation
import Glibc
import JSONTools
import LocalStack

/// An app that the deployment agent put into service: `deployments/<name>/app.json` if it is a process of this machine,
/// `target.json` if something else runs it, such as Docker.
struct DeployedApp: Sendable {
    /// The target of those that are processes.
    static let processTarget = "process"
    /// The variable that the deployment agent gives to an app and all that it starts.
    static let mark = "BATON_DEPLOYMENT"

    var directory: String
    var json: JSONObject
    var name: String
    /// What runs it: `process`, `docker`, `compose`, `kubernetes`, `ecs`.
    var target: String
    /// How often it was started again since its process was begun, and whether that was given up; empty if nobody knows.
    var supervision: JSONObject = [:]

    /// The apps of a data directory, by name.
    static func all(in dataDirectory: String) -> [DeployedApp] {
        let parent = dataDirectory + "/deployments"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        return names.sorted().compactMap { DeployedApp(directory: "\(parent)/\($0)") }
    }

    /// The app with this name.
    ///
    /// - Throws: `.notFound`, with the nearest name there is.
    static func named(_ name: String, in dataDirectory: String) throws(CommandError) -> DeployedApp {
        let apps = all(in: dataDirectory)
        if let app = apps.first(where: { $0.name == name }) { return app }
        let nearest = closestMatch(name, in: apps.map(\.name)).map { "; did you mean \($0)?" } ?? ""
        throw CommandError(
            .notFound, "no app named \"\(name)\" is deployed in \(dataDirectory)\(nearest)",
            hint: "`\(CommandName.current) apps` lists them")
    }

    init?(directory: String) {
        let elsewhere = Self.object(in: directory + "/target.json")
        guard let object = elsewhere ?? Self.object(in: directory + "/app.json") else { return nil }
        self.directory = directory
        self.json = object
        name = Formatting.clean(object["name"]?.stringValue ?? URL(fileURLWithPath: directory).lastPathComponent)
        target = Self.processTarget
        if elsewhere != nil { target = Formatting.clean(object["target"]?.stringValue ?? "?") }
        // Of another process than this one it says nothing.
        if let found = Self.object(in: directory + "/supervision.json"), !isElsewhere, found["pid"] == object["pid"] {
            supervision = found
        }
    }

    private static func object(in file: String) -> JSONObject? {
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        return (try? JSONValue(parsing: Array(data), limits: JSONLimits(maxBytes: 1 << 20)))?.objectValue
    }

    /// Whether it is no process of ours: only the deployment agent knows how to deal with it.
    var isElsewhere: Bool { target != Self.processTarget }
    /// The name of its folder, by which the deployment agent knows it.
    var folder: String { URL(fileURLWithPath: directory).lastPathComponent }
    var url: String { Formatting.clean(json["url"]?.stringValue ?? "") }
    var commit: String { Formatting.clean((json["commit"] ?? json["current"]?["commit"])?.stringValue ?? "") }
    var release: String? { (json["release"] ?? json["current"]?["release"])?.stringValue.map(Formatting.clean) }
    /// How often it was started again after it had ended.
    var restarts: Int { supervision["restarts"]?.intValue ?? 0 }
    var log: String { json["log"]?.stringValue ?? directory + "/app.log" }
    var history: [JSONValue] { json["history"]?.arrayValue ?? [] }

    /// The process that serves it.
    var process: ProcessIdentity? {
        guard let pid = json["pid"]?.intValue.flatMap(Int32.init(exactly:)), pid > 1,
            let start = json["start_time"]?.intValue.flatMap(UInt64.init(exactly:))
        else { return nil }
        return ProcessIdentity(pid: pid, startTime: start)
    }

    var isRunning: Bool { isElsewhere ? json["status"] == "running" : process?.isAlive == true }

    /// What it is found to be: what the agent meant it to be, unless its process is gone.
    var status: String {
        let meant = Formatting.clean(json["status"]?.stringValue ?? "unknown")
        return !isRunning && ["running", "starting"].contains(meant) ? "crashed" : meant
    }

    /// Its document with what it is found to be.
    var document: JSONValue {
        var object = json
        object["status"] = .string(status)
        object["target"] = .string(target)
        if !supervision.isEmpty { object["supervision"] = .object(supervision) }
        return .object(object)
    }

    /// Ends its processes (SIGTERM, after ten seconds SIGKILL) and writes it down; what others run, the deployment agent
    /// has them stop.
    ///
    /// - Returns: whether it was running.
    func stop(_ agent: DeploymentAgent) async throws(CommandError) -> Bool {
        if isElsewhere {
            let output = try await agent.run("stop", ["name": .string(folder)])
            return output["was_running"]?.boolValue ?? isRunning
        }
        let wasRunning = isRunning
        if let process, wasRunning {
            process.sendToGroup(SIGTERM)
            let deadline = ContinuousClock.now + .seconds(10)
            while process.isAlive && ContinuousClock.now < deadline {
                try? await Task.sleep(for: .milliseconds(50))
            }
            process.sendToGroup(SIGKILL)
        }
        // What it started and didn't end, whatever group that is in.
        OrphanSweep.kill(marked: Self.mark, with: directory)
        var object = json
        object["status"] = "stopped"
        object["pid"] = .null
        object["start_time"] = .null
        let path = directory + "/app.json"
        do {
            try Data(JSONValue.object(object).prettyPrinted().utf8).write(
                to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CommandError(.noPermission, "cannot write \(path): \(error.localizedDescription)")
        }
        return wasRunning
    }
}
