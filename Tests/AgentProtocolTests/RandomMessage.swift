import AgentProtocol
import JSONTestSupport
import JSONTools

/// Draws messages, every field of them at random within what the contract allows.
enum RandomMessage {
    typealias Generator = SeededGenerator

    static func envelope(using generator: inout Generator) -> TaskEnvelope {
        TaskEnvelope(
            messageID: id(using: &generator), taskID: id(using: &generator), workflowID: id(using: &generator),
            attempt: .random(in: 1...9, using: &generator), dispatchID: .random(using: &generator),
            generation: .random(in: 1...9, using: &generator), agentType: name(using: &generator),
            action: name(using: &generator), stage: name(using: &generator), step: maybe(text, using: &generator),
            priority: TaskLane.allCases.randomElement(using: &generator) ?? .low,
            constraints: TaskConstraints(
                timeoutMilliseconds: .random(in: 1...1_000_000, using: &generator),
                tokenBudget: Bool.random(using: &generator) ? 12 : nil,
                requiredConfidence: Bool.random(using: &generator) ? .random(in: 0...1, using: &generator) : nil),
            payload: .object(object(depth: 3, using: &generator)),
            workflowContext: WorkflowContext(
                workflowType: name(using: &generator), workflowName: text(using: &generator),
                currentStage: name(using: &generator), requirements: maybe(text, using: &generator),
                input: .object(object(depth: 2, using: &generator)), stageOutputs: object(depth: 3, using: &generator)),
            answers: list(using: &generator) { Answer(id: text(using: &$0), value: .string(text(using: &$0))) },
            workspace: WorkspaceReference(
                mode: WorkspaceMode.allCases.randomElement(using: &generator) ?? .none,
                url: maybe(text, using: &generator), commit: Bool.random(using: &generator) ? Samples.commit : nil),
            artifactsURL: maybe(text, using: &generator), trace: Bool.random(using: &generator) ? Samples.trace : nil,
            createdAt: moment(using: &generator), createdBy: text(using: &generator))
    }

    static func result(using generator: inout Generator) -> TaskResult {
        TaskResult(
            messageID: id(using: &generator), taskID: id(using: &generator), workflowID: id(using: &generator),
            attempt: .random(in: 1...9, using: &generator), dispatchID: .random(using: &generator),
            agentID: name(using: &generator), agentType: name(using: &generator), stage: name(using: &generator),
            step: maybe(text, using: &generator),
            status: TaskResult.Status.allCases.randomElement(using: &generator) ?? .failure,
            output: object(depth: 3, using: &generator), commit: Bool.random(using: &generator) ? Samples.hash : nil,
            artifacts: list(using: &generator) {
                ArtifactReference(
                    name: text(using: &$0), type: text(using: &$0),
                    sizeBytes: .random(in: 0...1_000_000_000, using: &$0),
                    sha256: Samples.hash, label: maybe(text, using: &$0))
            },
            metrics: TaskMetrics(
                durationMilliseconds: .random(in: 0...1000, using: &generator), tokensIn: 3,
                costUSD: .random(in: 0...10, using: &generator), model: maybe(text, using: &generator)),
            confidence: Bool.random(using: &generator) ? .random(in: 0...1, using: &generator) : nil,
            errors: list(using: &generator) {
                TaskFault(
                    code: text(using: &$0), message: text(using: &$0), retryable: .random(using: &$0),
                    detail: object(depth: 1, using: &$0))
            },
            questions: list(using: &generator) {
                Question(id: text(using: &$0), text: text(using: &$0), options: list(using: &$0) { text(using: &$0) })
            }, warnings: list(using: &generator) { text(using: &$0) }, startedAt: moment(using: &generator),
            completedAt: moment(using: &generator), trace: Bool.random(using: &generator) ? Samples.trace : nil)
    }

    private static func id(using generator: inout Generator) -> UniqueID {
        UniqueID(high: generator.next(), low: generator.next())
    }

    private static func moment(using generator: inout Generator) -> Timestamp {
        Timestamp(milliseconds: .random(in: 0...4_000_000_000_000, using: &generator))
    }

    private static func name(using generator: inout Generator) -> String {
        let tail = (0..<Int.random(in: 0..<20, using: &generator)).map { _ in
            "abcXYZ019_.-".randomElement(using: &generator) ?? "x"
        }
        return "n" + String(tail)
    }

    static func text(using generator: inout Generator) -> String {
        let letters = Array("abc \"\\/\n\t\u{1}\u{7F}éß中😀".unicodeScalars)
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 1..<24, using: &generator) {
            text.append(letters.randomElement(using: &generator) ?? "a")
        }
        return String(text)
    }

    private static func maybe(
        _ draw: (inout Generator) -> String, using generator: inout Generator
    ) -> String? {
        Bool.random(using: &generator) ? draw(&generator) : nil
    }

    private static func list<Element>(
        using generator: inout Generator, _ draw: (inout Generator) -> Element
    ) -> [Element] {
        (0..<Int.random(in: 0..<3, using: &generator)).map { _ in draw(&generator) }
    }

    private static func object(depth: Int, using generator: inout Generator) -> JSONObject {
        var object = JSONObject()
        for _ in 0..<Int.random(in: 0..<4, using: &generator) {
            object[text(using: &generator)] = value(depth: depth - 1, using: &generator)
        }
        return object
    }

    private static func value(depth: Int, using generator: inout Generator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &generator) {
        case 0: .null
        case 1: .bool(.random(using: &generator))
        case 2: .integer(Int64(truncatingIfNeeded: generator.next()))
        case 3: .number(.random(in: -1e9...1e9, using: &generator))
        case 4: .string(text(using: &generator))
        case 5: .array(list(using: &generator) { value(depth: depth - 1, using: &$0) })
        default: .object(object(depth: depth, using: &generator))
        }
    }
}
