public import AgentProtocol
import JSONTools

extension TaskTrial {
    /// The envelope of a file: a whole one, or a short form with everything but `action` left out as one likes.
    ///
    /// The short form is an envelope in which
    /// - missing ids, times, the version, `attempt`, `generation`, `priority` are filled in;
    /// - `stage` is `action` unless given, `agent_type` this agent's;
    /// - `payload` is `{}`, and `constraints` those of a stage that says nothing, each field by itself;
    /// - `workflow_context` may hold only what matters, such as `{"input": …, "stage_outputs": …, "requirements": "…"}`;
    /// - `workspace` may lack `mode` (`write` with a `url`, otherwise `none`) and `commit`; a `url` may be a plain path.
    ///
    /// - Parameters:
    ///   - text: JSON.
    ///   - agentType: The type of the agent that runs it.
    /// - Throws: ``ActionFailure`` `INVALID_ENVELOPE`.
    public static func envelope(from text: [UInt8], agentType: String) throws -> TaskEnvelope {
        let parsed: JSONValue
        do {
            parsed = try JSONValue(parsing: text, limits: ProtocolLimits.json)
        } catch {
            throw invalid("it is no JSON that can be read: \(error)")
        }
        guard case .object(let given) = parsed else { throw invalid("it holds no JSON object") }
        let complete = JSONValue.object(try completed(given, agentType: agentType))
        do {
            return try TaskEnvelope(decoding: complete.encoded())
        } catch {
            throw invalid("\(error)")
        }
    }

    private static func completed(_ given: JSONObject, agentType: String) throws -> JSONObject {
        guard let action = given["action"] else {
            throw invalid("it names no \"action\"; the shortest is {\"action\": \"noop\"}")
        }
        var random = SystemRandomNumberGenerator()
        let now = Timestamp.now()
        func id() -> JSONValue { .string(UniqueID.v7(at: now, using: &random).description) }
        var envelope: JSONObject = [
            "message_id": id(), "task_id": id(), "workflow_id": id(), "attempt": 1,
            "dispatch_id": .string(DispatchID.random(using: &random).description), "generation": 1,
            "agent_type": .string(agentType), "stage": action, "priority": "medium", "payload": [:],
        ]
        for (name, value) in given where !value.isNull { envelope[name] = value }
        envelope["constraints"] = merge(
            given["constraints"],
            into: ["timeout_ms": 600_000, "max_attempts": 1, "heartbeat_ms": 5000, "lease_ms": 15_000])
        envelope["workflow_context"] = merge(
            given["workflow_context"],
            into: ["workflow_type": "trial", "workflow_name": "trial", "current_stage": envelope["stage"] ?? action])
        envelope["metadata"] = merge(
            given["metadata"],
            into: [
                "created_at": .string(now.description), "created_by": "trial",
                "envelope_version": .string(ProtocolVersion.current),
            ])
        envelope["workspace"] = workspace(given["workspace"])
        return envelope
    }

    private static func merge(_ given: JSONValue?, into defaults: JSONObject) -> JSONValue {
        guard let given, !given.isNull else { return .object(defaults) }
        guard case .object(let object) = given else { return given }
        var result = defaults
        for (name, value) in object where !value.isNull { result[name] = value }
        return .object(result)
    }

    private static func workspace(_ given: JSONValue?) -> JSONValue {
        guard let given, !given.isNull else { return ["mode": "none", "url": nil, "commit": nil] }
        guard case .object(var object) = given else { return given }
        if let url = object["url"]?.stringValue, !url.contains(":") {
            object["url"] = .string("file://" + escaped(FileSystem.absolute(url)))
        }
        if object["mode"] == nil { object["mode"] = object["url"] == nil ? "none" : "write" }
        return .object(object)
    }

    private static func escaped(_ path: String) -> String {
        var result = ""
        for byte in path.utf8 {
            if byte == 0x25 || byte <= 0x20 || byte >= 0x7F || byte == 0x23 || byte == 0x3F {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            } else {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return result
    }

    private static func invalid(_ reason: String) -> ActionFailure {
        ActionFailure(code: "INVALID_ENVELOPE", message: "The task file can't be used: \(reason).")
    }
}
