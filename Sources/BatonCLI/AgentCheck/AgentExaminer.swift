import Foundation
import JSONTools
import LocalStack

/// Plays the orchestrator to one agent on a Redis that nobody else uses: sends tasks, hears signals and results, answers
/// heartbeats. It speaks through redis-cli, as anybody could.
actor AgentExaminer {
    /// What one send of a task is known by.
    struct Reference: Sendable, Hashable {
        var taskID: String
        var attempt: Int
        var dispatchID: String

        /// As messages have it.
        var json: JSONValue {
            ["task_id": .string(taskID), "attempt": .integer(Int64(attempt)), "dispatch_id": .string(dispatchID)]
        }

        init(taskID: String, attempt: Int, dispatchID: String) {
            self.taskID = taskID
            self.attempt = attempt
            self.dispatchID = dispatchID
        }

        /// Reads it; nil if it is none.
        init?(_ value: JSONValue?) {
            guard let value, let taskID = value["task_id"]?.stringValue, let attempt = value["attempt"]?.intValue,
                let dispatchID = value["dispatch_id"]?.stringValue
            else { return nil }
            self.init(taskID: taskID, attempt: attempt, dispatchID: dispatchID)
        }
    }

    /// A message with the moment at which it was heard.
    struct Heard: Sendable {
        var message: JSONValue
        var at: ContinuousClock.Instant
        /// Whether it is of the protocol's form: JSON, with `kind` for signals.
        var kind: String { message["kind"]?.stringValue ?? "" }
        var reference: Reference? { Reference(message["ref"]) ?? Reference(message) }
    }

    /// How often Redis is looked at.
    private static let interval: Duration = .milliseconds(150)

    let type: String
    private let url: String
    private var places = ["agent:signals": "0", "orchestrator:results": "0", "agent:logs": "0"]
    private(set) var signals: [Heard] = []
    private(set) var results: [Heard] = []
    private(set) var unreadable: [String] = []
    /// Whether results are called settled.
    private var settles = true
    /// Whether the agent is said to be known.
    private var knows = true
    private var stopping: Set<Reference> = []

    init(type: String, url: String) {
        self.type = type
        self.url = url
    }

    // MARK: What it does

    func setSettles(_ value: Bool) { settles = value }
    func setKnows(_ value: Bool) { knows = value }

    /// Sends a task.
    ///
    /// - Parameters:
    ///   - lane: `critical`, `high`, `medium` or `low`.
    ///   - changes: members of the envelope that are replaced; `null` leaves one out.
    func send(
        action: String = "noop", _ payload: JSONValue, lane: String = "medium", attempt: Int = 1,
        changes: JSONObject = [:]
    ) async -> Reference {
        let reference = Reference(
            taskID: Self.uuid(), attempt: attempt,
            dispatchID: String((0..<16).map { _ in "0123456789abcdef".randomElement() ?? "0" }))
        var envelope: JSONObject = [
            "message_id": .string(Self.uuid()), "task_id": .string(reference.taskID),
            "workflow_id": .string(Self.uuid()), "attempt": .integer(Int64(attempt)),
            "dispatch_id": .string(reference.dispatchID), "generation": 1, "agent_type": .string(type),
            "action": .string(action), "stage": "check", "step": nil, "priority": .string(lane),
            "constraints": [
                "timeout_ms": 60_000, "max_attempts": 3, "heartbeat_ms": 5000, "lease_ms": 15_000, "token_budget": nil,
                "required_confidence": nil,
            ],
            "payload": payload,
            "workflow_context": [
                "workflow_type": "check", "workflow_name": "check", "current_stage": "check", "requirements": "",
                "input": [:], "stage_outputs": [:],
            ],
            "answers": [], "workspace": ["mode": "none", "url": nil, "commit": nil], "artifacts_url": nil,
            "trace": [
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7", "parent_span_id": nil,
            ],
            "metadata": [
                "created_at": .string("\(Timestamp.now())"), "created_by": "baton-agents-check",
                "envelope_version": "2.0.0",
            ],
        ]
        for (name, value) in changes {
            envelope[name] = value
            if value.isNull { envelope[name] = Optional<JSONValue>.none }
        }
        await add(String(decoding: JSONValue.object(envelope).encoded(), as: UTF8.self), lane: lane)
        return reference
    }

    /// Puts anything onto a task stream.
    func add(_ text: String, lane: String = "medium") async {
        _ = await redis(["XADD", stream(lane), "*", "envelope", text])
    }

    /// Tells all agents of the type to stop an attempt.
    func cancel(_ reference: Reference) async {
        await publish([
            "kind": "cancel", "version": "2.0.0", "sent_at": .string("\(Timestamp.now())"), "agent_id": nil,
            "ref": reference.json,
        ])
    }

    /// Answers the next heartbeats with the verdict `stop` for an attempt.
    func stop(_ reference: Reference) { stopping.insert(reference) }

    func flushAll() async {
        _ = await redis(["FLUSHALL"])
        for stream in places.keys { places[stream] = "0" }
    }

    /// How many entries the lanes hold, and how many are claimed and not acknowledged.
    func leftovers() async -> (entries: Int, pending: Int) {
        var (entries, pending) = (0, 0)
        for lane in ["critical", "high", "medium", "low"] {
            entries += (await redis(["XLEN", stream(lane)]))?.intValue ?? 0
            let summary = await redis(["XPENDING", stream(lane), "agents"])
            pending += summary?.arrayValue?.first?.intValue ?? 0
        }
        return (entries, pending)
    }

    // MARK: What it hears

    /// Listens until something holds.
    ///
    /// - Returns: whether it came to hold in time.
    func wait(_ limit: Duration, until holds: @Sendable (isolated AgentExaminer) -> Bool) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while true {
            await listen()
            if holds(self) { return true }
            guard ContinuousClock.now < deadline, !Task.isCancelled else { return false }
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// Listens for so long.
    func listen(for time: Duration) async {
        _ = await wait(time) { _ in false }
    }

    /// The results for a send, in the order in which they came.
    func results(of reference: Reference) -> [Heard] { results.filter { $0.reference == reference } }

    /// The signals of a kind since a moment.
    func signals(_ kind: String, since moment: ContinuousClock.Instant = .now - .seconds(3600)) -> [Heard] {
        signals.filter { $0.kind == kind && $0.at >= moment }
    }

    /// Whether the agent has said of a send that it runs, by whatever signal.
    func hasBegun(_ reference: Reference) -> Bool {
        signals.contains { heard in
            switch heard.kind {
            case "started": heard.reference == reference
            case "heartbeat":
                (heard.message["running"]?.arrayValue ?? []).contains { Reference($0["ref"]) == reference }
            default: false
            }
        }
    }

    private func listen() async {
        for (stream, place) in places {
            let from = place == "0" ? "-" : "(\(place)"
            for entry in (await redis(["XRANGE", stream, from, "+"]))?.arrayValue ?? [] {
                guard let id = entry[0]?.stringValue else { continue }
                places[stream] = id
                await take(Self.envelope(in: entry[1]), from: stream)
            }
        }
    }

    private func take(_ text: String?, from stream: String) async {
        guard let text, let message = try? JSONValue(parsing: Array(text.utf8)), message.objectValue != nil else {
            unreadable.append("\(stream): \(text ?? "an entry without the field envelope")")
            return
        }
        let heard = Heard(message: message, at: .now)
        switch stream {
        case "orchestrator:results": results.append(heard)
        case "agent:signals":
            signals.append(heard)
            if ["register", "heartbeat"].contains(heard.kind) { await acknowledge(message) }
        default: break
        }
    }

    private func acknowledge(_ message: JSONValue) async {
        let running = (message["running"]?.arrayValue ?? []).compactMap { Reference($0["ref"]) }
        let held = (message["held"]?.arrayValue ?? []).compactMap { Reference($0) }
        let tasks = running.map { reference -> JSONValue in
            ["ref": reference.json, "verdict": stopping.contains(reference) ? "stop" : "continue"]
        }
        await publish([
            "kind": "heartbeat_ack", "version": "2.0.0", "sent_at": .string("\(Timestamp.now())"),
            "agent_id": message["agent_id"] ?? .null, "known": .bool(knows), "tasks": .array(tasks),
            "granted": [], "settled": .array(settles ? held.map(\.json) : []), "drain": false, "log_level": nil,
        ])
    }

    // MARK: Redis

    private func stream(_ lane: String) -> String {
        "agent:\(type):tasks" + (lane == "medium" ? "" : ":\(lane)")
    }

    private func publish(_ message: JSONObject) async {
        let text = String(decoding: JSONValue.object(message).encoded(), as: UTF8.self)
        _ = await redis(["PUBLISH", "agent:\(type):control", text])
    }

    /// A command's reply; nil if it is an error.
    private func redis(_ words: [String]) async -> JSONValue? {
        let outcome = try? await ShortCommand(
            "redis-cli", ["-u", url, "--no-auth-warning", "--json"] + words, timeout: .seconds(10)
        ).run()
        guard let outcome, outcome.status == 0 else { return nil }
        return try? JSONValue(parsing: Array(outcome.output.utf8), limits: JSONLimits(maxBytes: 16 << 20))
    }

    /// The field `envelope` of an entry: redis-cli writes its fields as a list, or as an object.
    private static func envelope(in fields: JSONValue?) -> String? {
        if let text = fields?["envelope"]?.stringValue { return text }
        let list = fields?.arrayValue ?? []
        guard let index = list.firstIndex(of: "envelope"), index + 1 < list.count else { return nil }
        return list[index + 1].stringValue
    }

    private static func uuid() -> String { UUID().uuidString.lowercased() }
}
