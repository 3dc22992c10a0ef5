import AgentProtocol
import JSONTools

/// The action that every agent has: it waits, answers, asks or fails as it is told.
///
/// `sleep_ms` is how long it waits, `output` what it answers, `fail` is true, a message, or in how many attempts it fails.
/// `partial` makes the answer a partial one. `questions` are asked until they are answered, `rounds` times with new ids
/// (`q1`, `q1-2`, `q1-3`, …); then `output` holds all answers under `answers`.
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
                "partial": ["type": "boolean", "default": false],
                "questions": [
                    "type": "array",
                    "items": [
                        "type": "object",
                        "properties": [
                            "id": ["type": "string", "minLength": 1],
                            "text": ["type": "string"],
                            "options": ["type": "array", "items": ["type": "string"]],
                        ],
                        "required": ["id"],
                    ],
                ],
                "rounds": ["type": "integer", "minimum": 1, "maximum": 10, "default": 1],
            ],
        ],
        workspace: .none,
        exclusive: false
    )

    func answer(_ input: JSONValue, of envelope: TaskEnvelope) -> Result<ActionOutcome, ActionFailure>? {
        if let wait = input["sleep_ms"]?.intValue, wait > 0 { return nil }
        return conclude(input, of: envelope)
    }

    func run(_ context: ActionContext) async throws -> ActionOutcome {
        let wait = context.input["sleep_ms"]?.intValue ?? 0
        if wait > 0 { try await Task.sleep(for: .milliseconds(wait)) }
        return try conclude(context.input, of: context.envelope).get()
    }

    private func conclude(_ input: JSONValue, of envelope: TaskEnvelope) -> Result<ActionOutcome, ActionFailure> {
        switch input["fail"] {
        case .bool(true):
            .failure(ActionFailure(code: "NOOP_FAILED", message: "The noop was told to fail.", retryable: true))
        case .integer(let attempts) where attempts >= envelope.attempt:
            .failure(
                ActionFailure(
                    code: "NOOP_FAILED", message: "The noop was told to fail \(attempts) times.", retryable: true))
        case .string(let message):
            .failure(ActionFailure(code: "NOOP_FAILED", message: message, retryable: true))
        default:
            .success(outcome(input, answers: envelope.answers))
        }
    }

    private func outcome(_ input: JSONValue, answers: [Answer]) -> ActionOutcome {
        var outcome = ActionOutcome(output: input["output"]?.objectValue ?? [:])
        let asked = input["questions"]?.arrayValue ?? []
        let known = Set(answers.map(\.id))
        for round in 1...max(1, input["rounds"]?.intValue ?? 1) {
            let open = asked.map { Self.question($0, round: Int(round)) }.filter { !known.contains($0.id) }
            guard open.isEmpty else {
                outcome.status = .needsInput
                outcome.questions = open
                return outcome
            }
        }
        if !asked.isEmpty {
            var given = JSONObject()
            for answer in answers { given[answer.id] = answer.value }
            outcome.output["answers"] = .object(given)
        }
        if input["partial"]?.boolValue == true { outcome.status = .partial }
        return outcome
    }

    private static func question(_ asked: JSONValue, round: Int) -> Question {
        let id = asked["id"]?.stringValue ?? "question"
        return Question(
            id: round == 1 ? id : "\(id)-\(round)", text: asked["text"]?.stringValue ?? "What is \(id)?",
            options: asked["options"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    }
}
