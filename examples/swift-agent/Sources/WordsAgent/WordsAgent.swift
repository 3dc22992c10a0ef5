import AgentProtocol
import AgentRuntime
import JSONTools

/// Counts the words of a text. The runtime checks the input against the schema before this is asked.
struct CountAction: AgentAction {
    let description = ActionDescription(
        name: "count",
        inputSchema: ["type": "object", "required": ["text"], "properties": ["text": ["type": "string"]]],
        workspace: .none, exclusive: false)

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let words = (context.input["text"]?.stringValue ?? "").split(whereSeparator: \.isWhitespace)
        let distinct = Set(words.map { $0.lowercased() }).count
        context.logger.info("\(words.count) words")
        var outcome = ActionOutcome()
        outcome.output = [
            "summary": .string("\(words.count) words, \(distinct) of them distinct"),
            "words": .integer(Int64(words.count)),
        ]
        return outcome
    }
}

/// An agent of type `swift-words`.
@main
struct WordsAgent {
    static func main() async {
        await AgentProgram.run(type: "swift-words", version: "1", actions: [CountAction()])
    }
}
