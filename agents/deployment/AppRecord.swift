import JSONTools

/// What is known of a deployed app: `app.json` in its directory, read by everything that lists or stops apps.
struct AppRecord: Sendable, Hashable {
    /// What was last meant for the app. Whether it really runs is seen from ``process``.
    enum Status: String, Sendable, Hashable {
        /// Started, not yet seen healthy.
        case starting
        /// Seen healthy.
        case running
        /// Stopped on request.
        case stopped
        /// Neither the new release nor the one before could be brought up.
        case failed
    }

    /// One try to bring a release into service.
    struct Entry: Sendable, Hashable {
        /// How it went.
        enum Outcome: String, Sendable, Hashable {
            case healthy, unhealthy
            /// Brought back after a later release failed, or on request.
            case restored
        }

        var release: String
        var commit: String
        var outcome: Outcome
        var workflowID: String
        var at: Timestamp
    }

    static let maxHistory = 50

    var name: String
    var port: Int
    var status: Status
    /// The process that was started last; nil once it was stopped.
    var process: AppProcess.Identity?
    var release: String
    var commit: String
    /// Path of the health check.
    var health: String
    /// Path of the log file.
    var log: String
    var workflowID: String
    /// The task that brought it into service; a repetition of the task has nothing left to do.
    var taskID: String
    var deployedAt: Timestamp
    /// Oldest first.
    var history: [Entry]
    /// How the release came into service.
    var strategy = DeploymentStrategy.recreate
    /// Where the release is behind the proxy; nil without one.
    var slot: ProxySlot?
    /// Where the app itself listens behind the proxy; nil without one.
    var appPort: Int?
    /// The proxy that answers at ``port``; nil without one.
    var proxy: AppProcess.Identity?

    var url: String { "http://127.0.0.1:\(port)" }

    /// Adds to the history and forgets its oldest part.
    mutating func note(_ outcome: Entry.Outcome, of release: Release, workflowID: String, at now: Timestamp) {
        let entry = Entry(
            release: release.id, commit: release.commit, outcome: outcome, workflowID: workflowID, at: now)
        history = Array((history + [entry]).suffix(Self.maxHistory))
    }

    /// Releases that were in service, the newest first, each once.
    var healthyReleases: [Entry] {
        var seen: Set<String> = []
        return history.reversed().filter { $0.outcome != .unhealthy && seen.insert($0.release).inserted }
    }

    /// Where the app itself listens.
    var ownURL: String { appPort.map { "http://127.0.0.1:\($0)" } ?? url }

    /// The same app without a proxy in front of it.
    var unproxied: AppRecord {
        var record = self
        (record.strategy, record.slot, record.appPort, record.proxy) = (.recreate, nil, nil, nil)
        return record
    }
}

extension AppRecord {
    /// The document.
    var json: JSONValue {
        var object: JSONObject = [
            "version": 1, "name": .string(name), "url": .string(url), "port": .integer(Int64(port)),
            "pid": process.map { .integer(Int64($0.processID)) } ?? .null,
            "start_time": process.map { .integer(Int64($0.startTime)) } ?? .null,
            "commit": .string(commit), "release": .string(release), "status": .string(status.rawValue),
            "health": .string(health), "log": .string(log), "workflow_id": .string(workflowID),
            "task_id": .string(taskID),
            "deployed_at": .string(deployedAt.description), "history": .array(history.map(\.json)),
            "strategy": .string(strategy.rawValue),
        ]
        guard strategy.isProxied else { return .object(object) }
        object["slot"] = slot.map { .string($0.rawValue) } ?? .null
        object["app_port"] = appPort.map { .integer(Int64($0)) } ?? .null
        object["proxy_pid"] = proxy.map { .integer(Int64($0.processID)) } ?? .null
        object["proxy_start_time"] = proxy.map { .integer(Int64($0.startTime)) } ?? .null
        return .object(object)
    }

    /// Reads the document; nil when it isn't one.
    init?(json: JSONValue) {
        guard let name = json["name"]?.stringValue, let port = json["port"]?.intValue, (1...65_535).contains(port),
            let status = json["status"]?.stringValue.flatMap(Status.init(rawValue:)),
            let release = json["release"]?.stringValue, Release.isID(release), let commit = json["commit"]?.stringValue
        else { return nil }
        self.name = name
        self.port = port
        self.status = status
        self.release = release
        self.commit = commit
        process = AppProcess.Identity(processID: json["pid"]?.intValue, startTime: json["start_time"]?.intValue)
        health = json["health"]?.stringValue ?? "/health"
        log = json["log"]?.stringValue ?? ""
        workflowID = json["workflow_id"]?.stringValue ?? ""
        taskID = json["task_id"]?.stringValue ?? ""
        deployedAt = json["deployed_at"]?.stringValue.flatMap(Timestamp.init(rfc3339:)) ?? Timestamp(microseconds: 0)
        history = (json["history"]?.arrayValue ?? []).compactMap(Entry.init(json:))
        strategy = json["strategy"]?.stringValue.flatMap(DeploymentStrategy.init(rawValue:)) ?? .recreate
        guard strategy.isProxied else { return }
        slot = json["slot"]?.stringValue.flatMap(ProxySlot.init(rawValue:))
        appPort = json["app_port"]?.intValue.flatMap { (1...65_535).contains($0) ? $0 : nil }
        proxy = AppProcess.Identity(
            processID: json["proxy_pid"]?.intValue, startTime: json["proxy_start_time"]?.intValue)
    }
}

extension AppRecord.Entry {
    var json: JSONValue {
        [
            "release": .string(release), "commit": .string(commit), "outcome": .string(outcome.rawValue),
            "workflow_id": .string(workflowID), "at": .string(at.description),
        ]
    }

    init?(json: JSONValue) {
        guard let release = json["release"]?.stringValue, Release.isID(release),
            let outcome = json["outcome"]?.stringValue.flatMap(Outcome.init(rawValue:))
        else { return nil }
        self.release = release
        self.outcome = outcome
        commit = json["commit"]?.stringValue ?? ""
        workflowID = json["workflow_id"]?.stringValue ?? ""
        at = json["at"]?.stringValue.flatMap(Timestamp.init(rfc3339:)) ?? Timestamp(microseconds: 0)
    }
}
