import JSONTools

/// A workflow as the API shows it.
struct WorkflowView: Sendable {
    /// Code and message of what went wrong.
    struct Fault: Sendable, Hashable {
        var code: String
        var message: String
        var stage: String?

        init?(_ json: JSONValue?) {
            guard let json, let code = json["code"]?.stringValue else { return nil }
            self.code = Formatting.clean(code)
            message = Formatting.clean(json["message"]?.stringValue ?? "")
            stage = json["stage"]?.stringValue
        }

        /// `CODE: message`.
        var text: String { message.isEmpty ? code : "\(code): \(message)" }
    }

    struct Artifact: Sendable, Hashable {
        var name: String
        var type: String
        var label: String
        var digest: String
        var bytes: Int

        init(_ json: JSONValue) {
            name = Formatting.clean(json["name"]?.stringValue ?? "")
            type = json["type"]?.stringValue ?? ""
            label = json["label"]?.stringValue ?? ""
            digest = json["sha256"]?.stringValue ?? ""
            bytes = json["size_bytes"]?.intValue ?? 0
        }
    }

    struct Stage: Sendable {
        var name: String
        var agent: String
        var status: String
        var attempt: Int
        var generation: Int
        var milliseconds: Int64?
        var output: JSONValue?
        var commit: String?
        var fault: Fault?
        var artifacts: [Artifact]

        init(_ json: JSONValue) {
            name = Formatting.clean(json["name"]?.stringValue ?? "?")
            agent = Formatting.clean(json["agent"]?.stringValue ?? "")
            status = json["status"]?.stringValue ?? "pending"
            attempt = json["attempt"]?.intValue ?? 0
            generation = json["generation"]?.intValue ?? 0
            milliseconds = json["duration_ms"]?.intValue.map { Int64($0) }
            output = json["output"]
            commit = json["commit"]?.stringValue
            fault = Fault(json["error"])
            artifacts = (json["artifacts"]?.arrayValue ?? []).map(Artifact.init)
        }

        var hasEnded: Bool { ["completed", "failed", "skipped", "cancelled"].contains(status) }

        /// The one fact that the stage tells about its work.
        var summary: String? { output?["summary"]?.stringValue.map(Formatting.clean) }
    }

    /// The document as it came.
    var json: JSONValue
    var id: String
    var type: String
    var name: String
    var status: String
    /// 0 to 100.
    var progress: Double?
    var createdAt: String?
    var updatedAt: String?
    var currentStage: String?
    var fault: Fault?
    /// What it waits for, in words.
    var waitingFor: String?
    var stages: [Stage]

    init(_ json: JSONValue) {
        self.json = json
        id = Formatting.clean(json["id"]?.stringValue ?? "")
        type = Formatting.clean(json["type"]?.stringValue ?? "")
        name = Formatting.clean(json["name"]?.stringValue ?? "")
        status = Formatting.clean(json["status"]?.stringValue ?? "unknown")
        progress = json["progress"]?.doubleValue
        createdAt = json["created_at"]?.stringValue
        updatedAt = json["updated_at"]?.stringValue
        currentStage = json["current_stage"]?.stringValue
        fault = Fault(json["error"])
        // That an agent is at work is no waiting to a person who sees the stage running.
        waitingFor = json["waiting_for"]?["what"]?.stringValue.map(Formatting.clean).flatMap {
            $0.contains(" to finish ") ? nil : $0
        }
        stages = (json["stages"]?.arrayValue ?? []).map(Stage.init)
    }

    var hasEnded: Bool { ["completed", "failed", "cancelled"].contains(status) }

    /// What `run` and `watch` exit with.
    var exitStatus: ExitStatus {
        switch status {
        case "completed": .ok
        case "cancelled": .cancelled
        default: .failed
        }
    }

    func stage(_ name: String) -> Stage? { stages.first { $0.name == name } }
}
