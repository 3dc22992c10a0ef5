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
        var startedAt: Timestamp?
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
            startedAt = json["started_at"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
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

    /// What a workflow that has not ended waits for.
    struct Wait: Sendable, Hashable {
        /// What kind of thing, in one word.
        var kind: String
        var what: String
        var since: Timestamp?
        var until: Timestamp?
        var help: String
        /// What other stages wait for.
        var others: [String]

        init?(_ json: JSONValue?) {
            guard let json, let what = json["what"]?.stringValue else { return nil }
            kind = json["kind"]?.stringValue ?? ""
            self.what = Formatting.clean(what)
            since = json["since"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
            until = json["until"]?.stringValue.flatMap { Timestamp(rfc3339: $0) }
            help = Formatting.clean(json["help"]?.stringValue ?? "")
            others = (json["others"]?.arrayValue ?? []).compactMap(\.stringValue).map(Formatting.clean)
        }

        /// Whether an agent is at work, or will be in a moment: no waiting to a person who sees the stage running.
        var isWork: Bool { ["work", "moment"].contains(kind) || what.contains(" to finish ") }

        /// All of it in one line: what, for how long, at most how much longer, why and what helps.
        func sentence(now: Timestamp) -> String {
            var text = what
            if let since { text += ", for \(Formatting.duration(milliseconds: now.milliseconds - since.milliseconds))" }
            if let until {
                let left = until.milliseconds - now.milliseconds
                text += left > 0 ? ", at most \(Formatting.duration(milliseconds: left)) longer" : ", due now"
            }
            if !help.isEmpty { text += ": \(help)" }
            if !others.isEmpty { text += " (also \(others.joined(separator: "; ")))" }
            return text
        }
    }

    /// A question that an agent has for people.
    struct Question: Sendable, Hashable {
        var stage: String
        var round: Int
        var id: String
        var text: String
        var options: [String]

        init(_ json: JSONValue) {
            stage = Formatting.clean(json["stage"]?.stringValue ?? "")
            round = json["round"]?.intValue ?? 0
            id = Formatting.clean(json["id"]?.stringValue ?? "")
            text = Formatting.clean(json["text"]?.stringValue ?? "")
            options = (json["options"]?.arrayValue ?? []).compactMap(\.stringValue).map(Formatting.clean)
        }

        /// `colour: Which colour? (red, green)`.
        var line: String { "\(id): \(text)" + (options.isEmpty ? "" : " (\(options.joined(separator: ", ")))") }
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
    /// Number of its newest event: what decisions are made on.
    var version: Int64?
    /// What it waits for; nil if it has ended.
    var wait: Wait?
    /// What people are asked.
    var questions: [Question]
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
        version = json["version"]?.intValue.map { Int64($0) }
        wait = Wait(json["waiting_for"])
        questions = (json["questions"]?.arrayValue ?? []).map(Question.init)
        stages = (json["stages"]?.arrayValue ?? []).map(Stage.init)
    }

    var hasEnded: Bool { ["completed", "failed", "cancelled"].contains(status) }

    /// The command that answers the questions of a stage, with a place for each answer.
    func answerCommand(for questions: [Question]) -> String {
        let words = questions.map { Formatting.shellWord($0.id) + "=…" }
        let stages = Set(self.questions.map(\.stage))
        let selection = stages.count > 1 ? questions.first.map { " --stage \($0.stage)" } ?? "" : ""
        // From the second round on the same ids may mean other questions.
        let round = questions.first.map { $0.round > 1 ? " --round \($0.round)" : "" } ?? ""
        return "\(CommandName.current) answer \(id)\(selection)\(round) \(words.joined(separator: " "))"
    }

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
