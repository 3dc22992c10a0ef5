import Foundation
import Glibc
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

    /// How long one look at Redis waits for something to come.
    private static let lookMilliseconds = 500
    /// Longer texts can't be arguments of a command (Linux: 128 KiB each), in bytes.
    private static let longestWord = 64 << 10
    /// The streams that orchestrators read, without a prefix.
    private static let inlets = ["agent:signals", "orchestrator:results", "agent:logs"]

    let type: String
    private let url: String
    private let traceFile: String
    /// `x:` for a namespace `x`.
    private(set) var prefix = ""
    private var places: [String: String] = [:]
    private(set) var signals: [Heard] = []
    private(set) var results: [Heard] = []
    private(set) var logs: [Heard] = []
    private(set) var unreadable: [String] = []
    /// Whether results are called settled.
    private var settles = true
    /// Whether the agent is said to be known.
    private var knows = true
    /// Whether the agent is told to take no more.
    private var drains = false
    private var stopping: Set<Reference> = []
    private var monitor: DetachedProcess?

    /// - Parameters:
    ///   - type: the agent's type.
    ///   - url: of a Redis that nobody else uses, with a user who may do everything.
    ///   - traceFile: takes the commands that Redis was given, when they are looked at.
    init(type: String, url: String, traceFile: String) {
        self.type = type
        self.url = url
        self.traceFile = traceFile
    }

    // MARK: What it does

    func setSettles(_ value: Bool) { settles = value }
    func setKnows(_ value: Bool) { knows = value }
    func setDrains(_ value: Bool) { drains = value }

    /// Makes the Redis user that agents of the type have, with the rights of a stack's, and forgets what was heard.
    ///
    /// - Parameter namespace: `BATON_NAMESPACE` of the agent that is started next.
    /// - Returns: the URL for the agent; nil if Redis refuses.
    func prepare(namespace: String) async -> String? {
        prefix = namespace.isEmpty ? "" : namespace + ":"
        (places, signals, results, logs) = ([:], [], [], [])
        let access = RedisAccess(password: Self.uuid(), namespace: namespace)
        let share = Programs.shareDirectory(binDirectory: Programs.binDirectory())
        guard let user = try? access.commands(agentType: type, shareDirectory: share),
            let place = url.range(of: "@").map({ url[$0.upperBound...] })
        else { return nil }
        for command in user.commands where await redis(command) == nil { return nil }
        return "redis://agent-\(type):\(user.password)@\(place)"
    }

    /// Sends a task.
    ///
    /// - Parameters:
    ///   - lane: `critical`, `high`, `medium` or `low`.
    ///   - reference: what it is known by; drawn if left out.
    ///   - timeoutMilliseconds: how long it may take.
    ///   - changes: members of the envelope that are replaced; `null` leaves one out.
    @discardableResult
    func send(
        action: String = "noop", _ payload: JSONValue, lane: String = "medium", as reference: Reference? = nil,
        timeoutMilliseconds: Int64 = 60_000, changes: JSONObject = [:]
    ) async -> Reference {
        let reference = reference ?? Self.draw()
        var envelope: JSONObject = [
            "message_id": .string(Self.uuid()), "task_id": .string(reference.taskID),
            "workflow_id": .string(Self.uuid()), "attempt": .integer(Int64(reference.attempt)),
            "dispatch_id": .string(reference.dispatchID), "generation": 1, "agent_type": .string(type),
            "action": .string(action), "stage": "check", "step": nil, "priority": .string(lane),
            "constraints": [
                "timeout_ms": .integer(timeoutMilliseconds), "max_attempts": 3, "heartbeat_ms": 5000,
                "lease_ms": 15_000, "token_budget": nil,
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

    /// What a new task is known by.
    static func draw() -> Reference {
        Reference(
            taskID: uuid(), attempt: 1,
            dispatchID: String((0..<16).map { _ in "0123456789abcdef".randomElement() ?? "0" }))
    }

    /// Puts anything onto a task stream.
    func add(_ text: String, lane: String = "medium") async {
        guard text.utf8.count > Self.longestWord else {
            _ = await redis(["XADD", stream(lane), "*", "envelope", text])
            return
        }
        // Too long for an argument: redis-cli reads it from a file.
        let file = traceFile + ".entry"
        guard (try? text.write(toFile: file, atomically: true, encoding: .utf8)) != nil else { return }
        let command = ["-c", "file=$1; shift; exec \"$@\" <\"$file\"", "sh", file, "redis-cli", "-u", url]
        let words = ["--no-auth-warning", "-x", "XADD", stream(lane), "*", "envelope"]
        _ = try? await ShortCommand("/bin/sh", command + words, timeout: .seconds(10)).run()
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

    /// Says anything on the control channel.
    func say(_ text: String) async { _ = await redis(["PUBLISH", "\(prefix)agent:\(type):control", text]) }

    func flushAll() async {
        _ = await redis(["FLUSHALL"])
        places = [:]
    }

    /// Claims what waits in the medium lane in the name of an agent, as if the answer to it had been lost on the way.
    ///
    /// - Returns: how many tasks.
    func claim(for agentID: String) async -> Int {
        let found = await redis(["XREADGROUP", "GROUP", "agents", agentID, "STREAMS", stream("medium"), ">"])
        return found?[stream("medium")]?.arrayValue?.count ?? 0
    }

    /// Breaks all connections of the agent.
    func disconnect() async { _ = await redis(["CLIENT", "KILL", "USER", "agent-\(type)"]) }

    /// Begins to write down each command that Redis is given.
    func startTrace() async {
        guard let program = Programs.find("redis-cli") else { return }
        monitor = try? await DetachedProcess.spawn(
            DaemonCommand(
                executable: program, arguments: ["-u", url, "--no-auth-warning", "MONITOR"],
                environment: ["PATH": "/usr/bin:/bin"], logFile: traceFile))
        _ = await wait(.seconds(5)) { _ in !LogTail.lines(of: self.traceFile, count: 1).isEmpty }
    }

    /// Ends that.
    ///
    /// - Returns: the commands, oldest first.
    func endTrace() async -> [RedisTrace.Entry] {
        await listen(for: .milliseconds(200))
        _ = monitor?.identity.send(SIGTERM)
        monitor = nil
        return RedisTrace.read((try? String(contentsOfFile: traceFile, encoding: .utf8)) ?? "")
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
        let streams = Self.inlets.map { prefix + $0 }
        let from = streams.map { places[$0] ?? "0" }
        let words = ["XREAD", "BLOCK", "\(Self.lookMilliseconds)", "COUNT", "500", "STREAMS"] + streams + from
        guard let found = await redis(words) else {
            // Redis doesn't answer: nothing to do but to ask again, not at once.
            try? await Task.sleep(for: .milliseconds(Self.lookMilliseconds))
            return
        }
        for stream in streams {
            for entry in found[stream]?.arrayValue ?? [] {
                guard let id = entry[0]?.stringValue else { continue }
                places[stream] = id
                await take(Self.envelope(in: entry[1]), from: String(stream.dropFirst(prefix.count)))
            }
        }
    }

    private func take(_ text: String?, from stream: String) async {
        let text = text ?? "an entry without the field envelope"
        guard let message = try? JSONValue(parsing: Array(text.utf8)), message.objectValue != nil else {
            // What is larger than any message may be is no message, either.
            unreadable.append("\(stream): \(Formatting.bytes(text.utf8.count)), \(Formatting.cut(text, to: 100))")
            return
        }
        let heard = Heard(message: message, at: .now)
        switch stream {
        case "orchestrator:results": results.append(heard)
        case "agent:logs": logs.append(heard)
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
            "granted": [], "settled": .array(settles ? held.map(\.json) : []), "drain": .bool(drains), "log_level": nil,
        ])
    }

    // MARK: Redis

    private func stream(_ lane: String) -> String {
        "\(prefix)agent:\(type):tasks" + (lane == "medium" ? "" : ":\(lane)")
    }

    private func publish(_ message: JSONObject) async {
        await say(String(decoding: JSONValue.object(message).encoded(), as: UTF8.self))
    }

    /// A command's reply; nil if it is an error.
    private func redis(_ words: [String]) async -> JSONValue? {
        let outcome = try? await ShortCommand(
            "redis-cli", ["-u", url, "--no-auth-warning", "--json", "-3"] + words, timeout: .seconds(10)
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
