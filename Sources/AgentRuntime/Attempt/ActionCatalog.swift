import AgentProtocol
import JSONTools

/// The actions of an agent by name, with their schemas ready to check with.
struct ActionCatalog: Sendable {
    struct Entry: Sendable {
        let action: any AgentAction
        let description: ActionDescription
        let schema: JSONSchema
    }

    /// An agent that was put together wrongly: its own programmer has to mend it.
    struct Fault: Error, Sendable, CustomStringConvertible {
        let description: String
    }

    private let entries: [String: Entry]
    /// In the order given, `noop` last.
    let descriptions: [ActionDescription]

    init(_ actions: [any AgentAction]) throws(Fault) {
        var entries: [String: Entry] = [:]
        var descriptions: [ActionDescription] = []
        for action in actions + [NoopAction()] {
            let description = action.description
            let schema: JSONSchema
            do {
                schema = try JSONSchema(description.inputSchema)
            } catch {
                throw Fault(description: "The input schema of the action \(description.name) can't be used: \(error)")
            }
            let entry = Entry(action: action, description: description, schema: schema)
            guard entries.updateValue(entry, forKey: description.name) == nil else {
                throw Fault(description: "Two actions are named \(description.name).")
            }
            descriptions.append(description)
        }
        self.entries = entries
        self.descriptions = descriptions
    }

    /// What is to be run for an envelope, and the input with the schema's defaults filled in.
    ///
    /// - Parameters:
    ///   - envelope: The task.
    ///   - payload: Its payload with secrets in place of their names; nil for the envelope's own.
    /// - Throws: ``ActionFailure`` `UNKNOWN_ACTION`, `INVALID_INPUT` or `WORKSPACE_TOO_NARROW`.
    func admit(
        _ envelope: TaskEnvelope, payload: JSONValue? = nil
    ) throws(ActionFailure) -> (entry: Entry, input: JSONValue) {
        guard let entry = entries[envelope.action] else {
            let names = descriptions.map(\.name)
            let hint = closestMatch(envelope.action, in: names).map { "; did you mean \($0)?" } ?? ""
            throw ActionFailure(
                code: "UNKNOWN_ACTION",
                message: "This agent has no action \(envelope.action.debugDescription), "
                    + "only \(names.joined(separator: ", "))\(hint)"
            )
        }
        let input = entry.schema.applyingDefaults(to: payload ?? envelope.payload)
        let violations = entry.schema.validate(input)
        guard violations.isEmpty else {
            let texts = violations.prefix(20).map { violation in
                let pointer = "\(violation.pointer)"
                return "\(pointer.isEmpty ? "the input" : pointer): \(violation.message)"
            }
            throw ActionFailure(
                code: "INVALID_INPUT",
                message: "The input of \(envelope.action) is not as its schema asks: " + texts.joined(separator: "; "),
                detail: ["violations": .array(texts.map { .string($0) })]
            )
        }
        guard entry.description.workspace.breadth <= envelope.workspace.mode.breadth else {
            throw ActionFailure(
                code: "WORKSPACE_TOO_NARROW",
                message:
                    "The action \(envelope.action) needs the workspace to \(entry.description.workspace.rawValue), but "
                    + "the stage says workspace: \(envelope.workspace.mode.rawValue). Change the stage in the definition."
            )
        }
        return (entry, input)
    }
}

extension WorkspaceMode {
    /// 0 for none to 2 for write: each includes the ones before.
    var breadth: Int {
        switch self {
        case .none: 0
        case .read: 1
        case .write: 2
        }
    }
}
