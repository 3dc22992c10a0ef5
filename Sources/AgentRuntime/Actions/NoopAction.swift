import AgentProtocol
import JSONTools

/// The action that every agent has: it waits, answers or fails as it is told.
///
/// `sleep_ms` is how long it waits, `output` what it answers, `fail` is true, a message, or in how many attempts it fails.
/// For benchmarks, tests, and for trying a definition without doing its work.
struct NoopAction: ImmediateAction {
    static let name = "noop"

    let description = ActionDescription(
        name: name,
        inputSchema: [
            "type": "object",
            "properties": [
                "sleep_ms": ["type": "integer", "minimum": 0, "maximum": 86_400_000, "default": 0],
                "output": ["type": "object"],
                "fail": ["type": ["boolean", "string", "integer"], "default": false],
            ],
        ],
        workspace: .none,
        exclusive: false
    )

    func answer(_ input: JSONValue, attempt: Int) -> Result<ActionOutcome, ActionFailure>? {
        if let wait = input["sleep_ms"]?.intValue, wait > 0 { return nil }
        return conclude(input, attempt: attempt)
    }

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let wait = context.input["sleep_ms"]?.intValue ?? 0
        if wait > 0 { try await Task.sleep(for: .milliseconds(wait)) }
        return try conclude(context.input, attempt: context.envelope.attempt).get()
    }

    private func conclude(_ input: JSONValue, attempt: Int) -> Result<ActionOutcome, ActionFailure> {
        switch input["fail"] {
        case .bool(true):
            .failure(ActionFailure(code: "NOOP_FAILED", message: "The noop was told to fail.", retryable: true))
        case .integer(let attempts) where attempts >= attempt:
            .failure(
                ActionFailure(
                    code: "NOOP_FAILED", message: "The noop was told to fail \(attempts) times.", retryable: true))
        case .string(let message):
            .failure(ActionFailure(code: "NOOP_FAILED", message: message, retryable: true))
        default:
            .success(ActionOutcome(output: input["output"]?.objectValue ?? [:]))
        }
    }
}
