import AgentProtocol
import AgentRuntime
import JSONTools

/// What a stage with `action: count` does: counts the words of a text.
struct CountAction: AgentAction {
    // Input that doesn't fit the schema is refused before this runs.
    let description = ActionDescription(
        name: "count",
        inputSchema: ["type": "object", "required": ["text"], "properties": ["text": ["type": "string"]]],
        workspace: .none, exclusive: false)

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let words = (context.input["text"]?.stringValue ?? "").split(whereSeparator: \.isWhitespace)
        let distinct = Set(words.map { $0.lowercased() }).count
        context.logger.info("\(words.count) words")  // goes to the workflow's log
        var outcome = ActionOutcome()
        outcome.output = [
            "summary": .string("\(words.count) words, \(distinct) of them distinct"),
            "words": .integer(Int64(words.count)),
        ]
        return outcome
    }
}
