import FoundationEssentials
import JSONTools
import WorkflowCore
import WorkflowStorage

extension TaskRow {
    var document: JSONValue {
        let digits = String(dispatchID, radix: 16)
        return [
            "task_id": JSONValue(taskID), "workflow_id": JSONValue(workflowID), "attempt": JSONValue(attempt),
            "stage": .string(stage), "generation": JSONValue(generation), "agent_type": .string(agentType),
            "action": .string(action), "agent_id": JSONValue(agentID), "status": .string(status.word),
            "dispatch_id": .string(String(repeating: "0", count: 16 - digits.count) + digits),
            "created_at": JSONValue(createdAt), "started_at": JSONValue(startedAt),
            "completed_at": JSONValue(completedAt), "deadline": JSONValue(deadline),
            "error_code": JSONValue(faultCode),
        ]
    }
}

extension EventRow {
    var document: JSONValue {
        [
            "seq": .integer(sequence), "kind": .string(kind), "severity": .string(severity), "actor": .string(actor),
            "at": JSONValue(at), "data": data,
        ]
    }
}

extension LogLineRow {
    var document: JSONValue {
        [
            "id": .integer(id), "stage": .string(stage), "task_id": JSONValue(taskID), "attempt": JSONValue(attempt),
            "n": JSONValue(line), "at": JSONValue(at), "level": .string(level), "stream": .string(stream),
            "text": .string(text),
        ]
    }
}

extension ArtifactRow {
    var document: JSONValue {
        [
            "stage": .string(stage), "generation": JSONValue(generation), "name": .string(name), "type": .string(type),
            "sha256": .string(sha256), "size_bytes": .integer(sizeBytes), "label": JSONValue(label),
            "created_at": JSONValue(createdAt),
        ]
    }
}

extension AgentRow {
    /// The words for how an agent is.
    static let statuses = ["running", "silent", "stopped"]

    /// How it is: heard, not heard any more, or gone in good order.
    var status: String { isLiving ? "running" : goneAt == nil ? "silent" : "stopped" }

    var document: JSONValue {
        return [
            "agent_id": .string(agentID), "agent_type": .string(agentType), "status": .string(status),
            "version": .string(version), "actions": actions, "slots": JSONValue(slots),
            "free_slots": JSONValue(freeSlots), "running": JSONValue(running), "host": .string(host),
            "pid": .integer(pid), "registered_at": JSONValue(registeredAt),
            "last_heartbeat_at": JSONValue(lastHeartbeatAt), "gone_at": JSONValue(goneAt),
            "draining": .bool(isDraining),
        ]
    }
}

extension QuestionRow {
    var document: JSONValue {
        [
            "stage": .string(stage), "round": JSONValue(round), "id": .string(id), "text": .string(text),
            "options": .array(options.map { .string($0) }), "asked_at": JSONValue(askedAt),
            "expires_at": JSONValue(expiresAt),
        ]
    }
}

extension DeadLetterRow {
    var document: JSONObject {
        [
            "id": JSONValue(id), "kind": .string(kind), "state": .string(state.rawValue), "source": .string(source),
            "cause": .string(cause), "cause_class": .string(causeClass), "detail": .string(detail),
            "workflow_id": workflowID.map { JSONValue($0) } ?? .null, "workflow_name": JSONValue(workflowName),
            "stage": JSONValue(stage), "generation": JSONValue(generation.map { Int64($0) }),
            "task_id": taskID.map { JSONValue($0) } ?? .null, "attempt": JSONValue(attempt.map { Int64($0) }),
            "size_bytes": JSONValue(sizeBytes), "created_at": JSONValue(createdAt),
            "resolved_at": JSONValue(resolvedAt), "resolved_by": JSONValue(resolvedBy),
        ]
    }
}

extension DeadLetterContent {
    /// With the content: as text, if it is some, else in base64.
    var document: JSONObject {
        var document = row.document
        document["is_whole"] = .bool(isWhole)
        // Of a task's envelope the record has all but the first brace and the marks of one send.
        let isBody = row.kind == "task" && bytes.first == UInt8(ascii: "\"")
        if let text = String(validating: (isBody ? [UInt8(ascii: "{")] : []) + bytes, as: UTF8.self) {
            document["content"] = .string(text)
        } else {
            document["content_base64"] = .string(Data(bytes).base64EncodedString())
        }
        return document
    }
}

extension StoredDefinition {
    /// The definition with what the record knows about it.
    var document: JSONValue {
        var document = definition.canonicalJSON().objectValue ?? [:]
        document["name"] = .string(name)
        document["version"] = JSONValue(version)
        document["hash"] = .string(hash)
        document["created_at"] = JSONValue(createdAt)
        document["source"] = .string(source)
        return .object(document)
    }

    /// An item of a list.
    var item: JSONValue {
        [
            "name": .string(name), "version": JSONValue(version), "description": .string(definition.description),
            "hash": .string(hash), "created_at": JSONValue(createdAt),
            "stage_count": JSONValue(definition.stages.count),
            "stages": .array(
                definition.stages.map { ["name": .string($0.name), "agent": .string($0.agent)] }),
        ]
    }
}

/// A page of a list.
func page(_ items: [JSONValue], next: String? = nil) -> JSONValue {
    ["items": .array(items), "next_cursor": JSONValue(next)]
}
