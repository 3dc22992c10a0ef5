import JSONTools

/// What a client says on a live connection.
enum LiveMessage: Sendable, Hashable {
    /// Events of one workflow after a place, of some kinds or of all; without a workflow, whatever workflow changes.
    case subscribe(workflowID: UniqueID?, types: [String]?, after: Int64)
    case unsubscribe(workflowID: UniqueID?)
    /// Figures every few seconds, or no more.
    case metrics(Bool)
    case ping

    /// Most kinds of events that a subscription names.
    static let maxTypes = 64

    /// Reads a message.
    ///
    /// - Throws: 400 or 422 naming each fault.
    init(_ bytes: [UInt8]) throws(Problem) {
        let body = try BodyReader.parse(bytes)
        var reader = FieldReader(body, allowed: ["action", "workflow_id", "types", "after", "enabled"])
        let action = reader.word("action", of: ["subscribe", "unsubscribe", "metrics", "ping"])
        if body["action"]?.isNull ?? true {
            reader.fault("/action", "is missing; expected subscribe, unsubscribe, metrics or ping")
        }
        var workflowID: UniqueID?
        if let text = reader.text("workflow_id") {
            workflowID = UniqueID(text)
            if workflowID == nil { reader.fault("/workflow_id", "this is not the id of a workflow") }
        }
        let after = reader.count("after") ?? 0
        var types: [String]?
        if let value = body["types"], !value.isNull {
            let list = value.arrayValue ?? []
            types = list.compactMap(\.stringValue)
            if value.arrayValue == nil || types?.count != list.count || list.count > Self.maxTypes {
                reader.fault(
                    "/types", "found \(value.kindName); expected a list of at most \(Self.maxTypes) kinds of events")
            }
        }
        let isEnabled = body["enabled"].map { $0.isNull || $0.boolValue == true } ?? true
        guard reader.faults.isEmpty, let action else { throw .invalid(reader.faults) }
        switch action {
        case "subscribe": self = .subscribe(workflowID: workflowID, types: types, after: after)
        case "unsubscribe": self = .unsubscribe(workflowID: workflowID)
        case "metrics": self = .metrics(isEnabled)
        default: self = .ping
        }
    }
}
