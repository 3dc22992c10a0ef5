import JSONTools

/// What is known of a deployment that a tool runs: `target.json` in its directory.
struct TargetRecord: Sendable, Hashable {
    /// What was last meant; what really is, the tool knows.
    enum Status: String, Sendable, Hashable {
        /// A release is being brought into service; an attempt that finds this was preceded by one that died.
        case switching
        case running, stopped
        /// Neither the new release nor the one before could be brought up.
        case failed
    }

    /// So many healthy releases are kept to go back to.
    static let keptUnits = 5

    var name: String
    var kind: TargetKind
    var status: Status
    var options: JSONObject
    /// Path of the health check.
    var health: String
    /// Where the app answers, as far as that is known.
    var url: String?
    /// The task that changed it last; a repetition of the task goes on where it was.
    var taskID = ""
    /// What serves, or served before it was stopped.
    var current: TargetUnit?
    /// What is being brought into service.
    var pending: TargetUnit?
    /// State of what served before ``pending``; what to go back to.
    var before: JSONObject?
    /// Healthy releases, the newest first.
    var units: [TargetUnit] = []
    /// Oldest first.
    var history: [AppRecord.Entry] = []

    mutating func note(_ outcome: AppRecord.Entry.Outcome, of unit: TargetUnit, workflowID: String) {
        let entry = AppRecord.Entry(
            release: unit.release, commit: unit.commit, outcome: outcome, workflowID: workflowID, at: .now())
        history = Array((history + [entry]).suffix(AppRecord.maxHistory))
    }

    /// A release serves and is healthy.
    mutating func settle(_ unit: TargetUnit, as outcome: AppRecord.Entry.Outcome, workflowID: String) {
        current = unit
        pending = nil
        before = nil
        status = .running
        units = Array(([unit] + units.filter { $0.id != unit.id }).prefix(Self.keptUnits))
        note(outcome, of: unit, workflowID: workflowID)
    }
}

extension TargetRecord {
    var json: JSONValue {
        [
            "version": 1, "name": .string(name), "target": .string(kind.rawValue), "status": .string(status.rawValue),
            "options": .object(options), "health": .string(health), "url": url.map { .string($0) } ?? .null,
            "task_id": .string(taskID),
            "current": current?.json ?? .null, "pending": pending?.json ?? .null,
            "before": before.map { .object($0) } ?? .null, "units": .array(units.map(\.json)),
            "history": .array(history.map(\.json)),
        ]
    }

    init?(json: JSONValue) {
        guard let name = json["name"]?.stringValue,
            let kind = json["target"]?.stringValue.flatMap(TargetKind.init(rawValue:)), kind != .process,
            let status = json["status"]?.stringValue.flatMap(Status.init(rawValue:))
        else { return nil }
        self.name = name
        self.kind = kind
        self.status = status
        options = json["options"]?.objectValue ?? [:]
        health = json["health"]?.stringValue ?? "/health"
        url = json["url"]?.stringValue
        taskID = json["task_id"]?.stringValue ?? ""
        current = TargetUnit(json: json["current"])
        pending = TargetUnit(json: json["pending"])
        before = json["before"]?.objectValue
        units = (json["units"]?.arrayValue ?? []).compactMap { TargetUnit(json: $0) }
        history = (json["history"]?.arrayValue ?? []).compactMap(AppRecord.Entry.init(json:))
    }
}
