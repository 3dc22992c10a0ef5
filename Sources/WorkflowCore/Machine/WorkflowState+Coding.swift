import JSONTools

/// The stored form: JSON with short keys, defaults left out, so that `convert_from(state, 'UTF8')` can be read in psql.
extension WorkflowState {
    /// The longest fault messages that the hot state keeps, in bytes; the audit trail and the result have the whole. The
    /// shorter ones are for a state that would not fit otherwise.
    private static let messageLimits = [600, 80, 0]

    /// Encodes the state, in at most ``maximumEncodedBytes``: messages of faults are shortened until it fits, which it does
    /// for as many stages as a definition may have.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        for limit in Self.messageLimits {
            bytes = encoded(messageLimit: limit)
            if bytes.count <= Self.maximumEncodedBytes { break }
        }
        return bytes
    }

    private func encoded(messageLimit: Int) -> [UInt8] {
        var writer = JSONWriter(capacity: 256 + 192 * stages.count)
        writer.beginObject()
        writer.field("p", phase.rawValue)
        writer.field("q", sequence)
        if let outcome {
            writer.key(literal: "o")
            writer.beginObject()
            outcome.fault.write(to: &writer, messageLimit: messageLimit)
            writer.field("p", outcome.phase.rawValue)
            writer.field("s", outcome.stage)
            writer.endObject()
        }
        writer.field("b", startedAt)
        writer.field("e", endedAt)
        writer.field("r", retriedAt)
        if let pause {
            writer.key(literal: "h")
            writer.beginObject()
            writer.field("b", pause.since)
            writer.field("a", pause.actor)
            writer.endObject()
        }
        writer.field("n", notedOverdue)
        if strayResults != 0 { writer.field("i", Int64(strayResults)) }
        writer.field("w", recordedWake)
        writer.key(literal: "s")
        writer.beginArray()
        for stage in stages { stage.write(to: &writer, messageLimit: messageLimit) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// Decodes what ``encoded()`` wrote.
    ///
    /// - Throws: ``StateCodingError`` naming what is missing; such a row was damaged or written by a newer version.
    public init(decoding bytes: [UInt8]) throws(StateCodingError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw StateCodingError("is not JSON: \(error)")
        }
        guard let phase = value["p"]?.stringValue.flatMap(Phase.init(rawValue:)) else {
            throw StateCodingError("has no known phase at /p")
        }
        guard let stages = value["s"]?.arrayValue else { throw StateCodingError("has no stages at /s") }
        self.init(stageCount: 0)
        self.phase = phase
        self.sequence = Int64(value["q"]?.intValue ?? 0)
        self.startedAt = Timestamp(stored: value["b"])
        self.endedAt = Timestamp(stored: value["e"])
        self.recordedWake = Timestamp(stored: value["w"])
        self.retriedAt = Timestamp(stored: value["r"])
        self.notedOverdue = Timestamp(stored: value["n"])
        self.strayResults = value["i"]?.intValue ?? 0
        if let entry = value["h"], let since = Timestamp(stored: entry["b"]) {
            self.pause = Pause(since: since, actor: entry["a"]?.stringValue ?? "")
        }
        if let outcome = value["o"] {
            guard let end = outcome["p"]?.stringValue.flatMap(Phase.init(rawValue:)),
                let fault = WorkflowFault(stored: outcome)
            else { throw StateCodingError("has an outcome at /o without phase or fault") }
            self.outcome = Outcome(phase: end, fault: fault, stage: outcome["s"]?.stringValue)
        }
        self.stages.reserveCapacity(stages.count)
        for (index, stage) in stages.enumerated() {
            guard let decoded = StageState(stored: stage) else {
                throw StateCodingError("has a stage without a known phase at /s/\(index)")
            }
            self.stages.append(decoded)
        }
    }
}

/// A stored state that can't be read.
public struct StateCodingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What can't be read, with the place in the state as a JSON pointer where there is one.
    public let description: String

    init(_ finding: String) {
        description = "the stored workflow state \(finding)"
    }
}

extension StageState {
    fileprivate func write(to writer: inout JSONWriter, messageLimit: Int) {
        writer.beginObject()
        writer.field("p", phase.rawValue)
        if generation != 1 { writer.field("g", Int64(generation)) }
        if attempt != 0 { writer.field("a", Int64(attempt)) }
        if failures != 0 { writer.field("f", Int64(failures)) }
        if let taskID { writer.field("t", "\(taskID)") }
        writer.field("r", retryAt)
        if let questions {
            writer.key(literal: "q")
            writer.beginObject()
            writer.field("n", Int64(questions.round))
            writer.key(literal: "i")
            writer.value(.array(questions.ids.map { .string($0) }))
            writer.field("b", questions.askedAt)
            writer.field("l", questions.expiresAt)
            writer.endObject()
        }
        if questionRounds != 0 { writer.field("n", Int64(questionRounds)) }
        if !answers.isEmpty {
            writer.key(literal: "y")
            writer.value(.array(answers.map { ["i": .string($0.id), "v": $0.value] }))
        }
        writer.field("c", commit)
        writer.field("b", startedAt)
        writer.field("e", endedAt)
        if let fault {
            writer.key(literal: "x")
            writer.beginObject()
            fault.write(to: &writer, messageLimit: messageLimit)
            writer.endObject()
        }
        if ignoredResults != 0 { writer.field("i", Int64(ignoredResults)) }
        if let open {
            writer.key(literal: "o")
            writer.beginObject()
            writer.field("d", Int64(bitPattern: open.dispatchID))
            writer.field("s", open.sentAt)
            writer.field("a", open.agentID)
            writer.field("l", open.deadline)
            writer.field("c", open.cancelledAt)
            if open.isAgentMissingNoted {
                writer.key(literal: "m")
                writer.value(true)
            }
            writer.endObject()
        }
        writer.endObject()
    }

    fileprivate init?(stored value: JSONValue) {
        guard let phase = value["p"]?.stringValue.flatMap(Phase.init(rawValue:)) else { return nil }
        self.init()
        self.phase = phase
        generation = value["g"]?.intValue ?? 1
        attempt = value["a"]?.intValue ?? 0
        failures = value["f"]?.intValue ?? 0
        taskID = value["t"]?.stringValue.flatMap { UniqueID($0) }
        retryAt = Timestamp(stored: value["r"])
        commit = value["c"]?.stringValue
        startedAt = Timestamp(stored: value["b"])
        endedAt = Timestamp(stored: value["e"])
        fault = value["x"].flatMap(WorkflowFault.init(stored:))
        ignoredResults = value["i"]?.intValue ?? 0
        questionRounds = value["n"]?.intValue ?? 0
        answers = (value["y"]?.arrayValue ?? []).compactMap { entry in
            guard let id = entry["i"]?.stringValue, let value = entry["v"] else { return nil }
            return GivenAnswer(id: id, value: value)
        }
        if let entry = value["q"] {
            guard let round = entry["n"]?.intValue, let ids = entry["i"]?.arrayValue,
                let askedAt = Timestamp(stored: entry["b"]), let expiresAt = Timestamp(stored: entry["l"])
            else { return nil }
            questions = OpenQuestions(
                round: round, ids: ids.compactMap(\.stringValue), askedAt: askedAt, expiresAt: expiresAt)
        }
        if let entry = value["o"] {
            guard let mark = entry["d"]?.intValue, let sentAt = Timestamp(stored: entry["s"]) else { return nil }
            var open = OpenAttempt(dispatchID: UInt64(bitPattern: Int64(mark)), sentAt: sentAt)
            open.agentID = entry["a"]?.stringValue
            open.deadline = Timestamp(stored: entry["l"])
            open.cancelledAt = Timestamp(stored: entry["c"])
            open.isAgentMissingNoted = entry["m"]?.boolValue ?? false
            self.open = open
        }
    }
}

extension WorkflowFault {
    /// The longest code that the hot state keeps, in bytes.
    private static let storedCodeLimit = 64

    fileprivate func write(to writer: inout JSONWriter, messageLimit: Int) {
        writer.field("c", code.beginning(ofBytes: Self.storedCodeLimit))
        writer.field("m", message.beginning(ofBytes: messageLimit))
        if isRetryable {
            writer.key(literal: "r")
            writer.value(true)
        }
    }

    fileprivate init?(stored value: JSONValue) {
        guard let code = value["c"]?.stringValue, let message = value["m"]?.stringValue else { return nil }
        self.init(code: code, message: message, isRetryable: value["r"]?.boolValue ?? false)
    }
}

extension String {
    /// The longest beginning that has at most so many bytes in UTF-8 and splits no Unicode scalar. Whole characters would
    /// cost more: how far one reaches is only known from its beginning.
    func beginning(ofBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        let bytes = Array(utf8.prefix(limit + 1))
        var end = limit
        // Bytes 10xxxxxx go on with a scalar that began before (RFC 3629).
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

extension Timestamp {
    fileprivate init?(stored value: JSONValue?) {
        guard let microseconds = value?.intValue else { return nil }
        self.init(microseconds: Int64(microseconds))
    }
}

extension JSONWriter {
    fileprivate mutating func field(_ name: StaticString, _ integer: Int64) {
        key(literal: name)
        value(integer)
    }

    /// Nothing is written for nil.
    fileprivate mutating func field(_ name: StaticString, _ text: String?) {
        guard let text else { return }
        key(literal: name)
        value(text)
    }

    /// Nothing is written for nil.
    fileprivate mutating func field(_ name: StaticString, _ time: Timestamp?) {
        guard let time else { return }
        key(literal: name)
        value(time.microseconds)
    }
}
