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
        var object: JSONObject = ["p": .string(phase.rawValue), "q": .integer(sequence)]
        if let outcome {
            var entry = outcome.fault.encoded(messageLimit: messageLimit)
            entry["p"] = .string(outcome.phase.rawValue)
            if let stage = outcome.stage { entry["s"] = .string(stage) }
            object["o"] = .object(entry)
        }
        if let startedAt { object["b"] = .integer(startedAt.microseconds) }
        if let endedAt { object["e"] = .integer(endedAt.microseconds) }
        if let retriedAt { object["r"] = .integer(retriedAt.microseconds) }
        if let pause {
            object["h"] = ["b": .integer(pause.since.microseconds), "a": .string(pause.actor)]
        }
        if let notedOverdue { object["n"] = .integer(notedOverdue.microseconds) }
        if strayResults != 0 { object["i"] = .integer(Int64(strayResults)) }
        if let recordedWake { object["w"] = .integer(recordedWake.microseconds) }
        object["s"] = .array(stages.map { .object($0.encoded(messageLimit: messageLimit)) })
        return JSONValue.object(object).encoded()
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
    fileprivate func encoded(messageLimit: Int) -> JSONObject {
        var object: JSONObject = ["p": .string(phase.rawValue)]
        if generation != 1 { object["g"] = .integer(Int64(generation)) }
        if attempt != 0 { object["a"] = .integer(Int64(attempt)) }
        if failures != 0 { object["f"] = .integer(Int64(failures)) }
        if let taskID { object["t"] = .string("\(taskID)") }
        if let retryAt { object["r"] = .integer(retryAt.microseconds) }
        if let questions {
            object["q"] = [
                "n": .integer(Int64(questions.round)), "i": .array(questions.ids.map { .string($0) }),
                "b": .integer(questions.askedAt.microseconds), "l": .integer(questions.expiresAt.microseconds),
            ]
        }
        if questionRounds != 0 { object["n"] = .integer(Int64(questionRounds)) }
        if !answers.isEmpty {
            object["y"] = .array(answers.map { ["i": .string($0.id), "v": $0.value] })
        }
        if let commit { object["c"] = .string(commit) }
        if let startedAt { object["b"] = .integer(startedAt.microseconds) }
        if let endedAt { object["e"] = .integer(endedAt.microseconds) }
        if let fault { object["x"] = .object(fault.encoded(messageLimit: messageLimit)) }
        if ignoredResults != 0 { object["i"] = .integer(Int64(ignoredResults)) }
        if let open {
            var entry: JSONObject = [
                "d": .integer(Int64(bitPattern: open.dispatchID)), "s": .integer(open.sentAt.microseconds),
            ]
            if let agentID = open.agentID { entry["a"] = .string(agentID) }
            if let deadline = open.deadline { entry["l"] = .integer(deadline.microseconds) }
            if let cancelledAt = open.cancelledAt { entry["c"] = .integer(cancelledAt.microseconds) }
            if open.isAgentMissingNoted { entry["m"] = true }
            object["o"] = .object(entry)
        }
        return object
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

    fileprivate func encoded(messageLimit: Int) -> JSONObject {
        var object: JSONObject = [
            "c": .string(code.cut(toBytes: Self.storedCodeLimit)),
            "m": .string(message.cut(toBytes: messageLimit)),
        ]
        if isRetryable { object["r"] = .bool(true) }
        return object
    }

    fileprivate init?(stored value: JSONValue) {
        guard let code = value["c"]?.stringValue, let message = value["m"]?.stringValue else { return nil }
        self.init(code: code, message: message, isRetryable: value["r"]?.boolValue ?? false)
    }
}

extension String {
    /// The longest beginning of whole characters that has at most so many bytes in UTF-8.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end > startIndex, end.samePosition(in: self) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}

extension Timestamp {
    fileprivate init?(stored value: JSONValue?) {
        guard let microseconds = value?.intValue else { return nil }
        self.init(microseconds: Int64(microseconds))
    }
}
