import JSONTools

/// One try to bring a commit into service, and what it takes to bring it back.
struct TargetUnit: Sendable, Hashable {
    /// The first twelve digits of the commit.
    var release: String
    var commit: String
    var taskID: String
    var workflowID: String
    var at: Timestamp
    /// The image that runs; empty until it is known.
    var image = ""
    /// What the target has to know to look at it and to go back to it.
    var state: JSONObject = [:]

    /// Name of this try: a task that is repeated has the same one, another one of the same commit has its own.
    var id: String { release + "-" + Self.suffix(of: taskID) }

    private static func suffix(of taskID: String) -> String {
        // The last digits of a version 7 UUID are its random ones.
        String(taskID.lowercased().filter { $0.isHexDigit }.suffix(8))
    }
}

extension TargetUnit {
    var json: JSONValue {
        [
            "release": .string(release), "commit": .string(commit), "task_id": .string(taskID),
            "workflow_id": .string(workflowID), "at": .string(at.description), "image": .string(image),
            "state": .object(state),
        ]
    }

    init?(json: JSONValue?) {
        guard let json, let release = json["release"]?.stringValue, Release.isID(release),
            let commit = json["commit"]?.stringValue, let taskID = json["task_id"]?.stringValue
        else { return nil }
        self.release = release
        self.commit = commit
        self.taskID = taskID
        workflowID = json["workflow_id"]?.stringValue ?? ""
        at = json["at"]?.stringValue.flatMap(Timestamp.init(rfc3339:)) ?? Timestamp(microseconds: 0)
        image = json["image"]?.stringValue ?? ""
        state = json["state"]?.objectValue ?? [:]
    }
}
