import Foundation
import Glibc
import JSONTools
import LocalStack

/// An app that the deployment agent put into service on this machine: `deployments/<name>/app.json`.
struct DeployedApp: Sendable {
    /// The variable that the deployment agent gives to an app and all that it starts.
    static let mark = "BATON_DEPLOYMENT"

    var directory: String
    var json: JSONObject
    var name: String

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
        guard let data = FileManager.default.contents(atPath: directory + "/app.json"),
            let json = try? JSONValue(parsing: Array(data)), let object = json.objectValue
        else { return nil }
        self.directory = directory
        self.json = object
        name = Formatting.clean(object["name"]?.stringValue ?? URL(fileURLWithPath: directory).lastPathComponent)
    }

    var url: String { Formatting.clean(json["url"]?.stringValue ?? "") }
    var commit: String { Formatting.clean(json["commit"]?.stringValue ?? "") }
    var log: String { json["log"]?.stringValue ?? directory + "/app.log" }
    var history: [JSONValue] { json["history"]?.arrayValue ?? [] }

    /// The process that serves it.
    var process: ProcessIdentity? {
        guard let pid = json["pid"]?.intValue.flatMap(Int32.init(exactly:)), pid > 1,
            let start = json["start_time"]?.intValue.flatMap(UInt64.init(exactly:))
        else { return nil }
        return ProcessIdentity(pid: pid, startTime: start)
    }

    var isRunning: Bool { process?.isAlive == true }

    /// What it is found to be: what the agent meant it to be, unless its process is gone.
    var status: String {
        let meant = Formatting.clean(json["status"]?.stringValue ?? "unknown")
        return !isRunning && ["running", "starting"].contains(meant) ? "crashed" : meant
    }

    /// Its document with what it is found to be.
    var document: JSONValue {
        var object = json
        object["status"] = .string(status)
        return .object(object)
    }

    /// Ends its processes (SIGTERM, after ten seconds SIGKILL) and writes it down.
    ///
    /// - Returns: whether it was running.
    func stop() async throws(CommandError) -> Bool {
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
