import AgentProtocol
import AgentRuntime
import JSONTools

/// What somebody asks for, read from an envelope: hostile until it has been through an escape.
struct ProjectRequest: Sendable, Hashable {
    var name: String
    var requirements: String
    /// The stack that the structured input names.
    var stack: String?
    /// The feature that the structured input names.
    var feature: String?
    /// The entities of the structured input, as they were given; nil when it says nothing of any.
    var entities: JSONValue?
    /// Options of the template that are set.
    var options: [String: JSONValue] = [:]

    /// Longest value that is taken from structured input, in bytes.
    static let maxNameBytes = 200

    /// - Parameters:
    ///   - context: the workflow's name, requirements and input data.
    ///   - payload: the stage's `with`, which wins over the input data.
    /// - Throws: ``ActionFailure`` `INVALID_INPUT`.
    init(_ context: WorkflowContext, payload: JSONValue) throws {
        name = context.workflowName
        requirements = context.requirements ?? ""
        func member(_ key: String) -> JSONValue? {
            let value = payload[key] ?? context.input[key]
            return value?.isNull == true ? nil : value
        }
        stack = try Self.text(member("stack"), "stack")
        feature = try Self.text(member("feature"), "feature")
        entities = member("entities")
        if let value = member("options") {
            guard let object = value.objectValue else { throw Self.invalid("options", "an object", value) }
            for (key, value) in object { options[key] = value }
        }
    }

    private static func text(_ value: JSONValue?, _ key: String) throws -> String? {
        guard let value else { return nil }
        guard let text = value.stringValue, !text.isEmpty, text.utf8.count <= maxNameBytes else {
            throw invalid(key, "a text of 1 to \(maxNameBytes) bytes", value)
        }
        return text
    }

    private static func invalid(_ key: String, _ expected: String, _ found: JSONValue) -> ActionFailure {
        EntityRequest.invalid(key, expected, found)
    }
}
