import JSONTools
import WorkflowCore

/// What a workflow type says about its `input_data`.
struct InputRule: Sendable {
    /// Nil if anything is accepted.
    var schema: JSONSchema?

    init(schema: JSONSchema?) {
        self.schema = schema
    }

    /// The rule of a definition. Its schema was checked when it was stored; one that isn't understood checks nothing.
    init(of definition: WorkflowDefinition) {
        schema = definition.input.flatMap { try? JSONSchema($0) }
    }
}
