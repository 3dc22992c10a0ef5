import AgentProtocol
import AgentRuntime
import Testing

@testable import __MODULE__

/// Runs the action as the agent does, with the runtime's checks around it; needs neither Redis nor Baton.
@Suite struct CountActionTests {
    private func run(_ payload: String) async throws -> TaskResult {
        let trial = try TaskTrial(type: "__NAME__", actions: [CountAction()])
        return try await trial.run(Array(#"{"action": "count", "payload": \#(payload)}"#.utf8))
    }

    @Test func countsWords() async throws {
        let result = try await run(#"{"text": "the fox the dog"}"#)
        #expect(result.status == .success)
        #expect(result.output["words"] == 4)
    }

    @Test func refusesWhatHasNoText() async throws {
        let result = try await run("{}")
        #expect(result.status == .failure)
        #expect(result.errors.first?.code == "INVALID_INPUT")
    }
}
