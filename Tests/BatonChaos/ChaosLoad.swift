import FaultKit
import Foundation
import JSONTools
import PostgresDriver

/// Users of the stack: some create workflows, some intervene.
struct ChaosLoad: Sendable {
    let client: WorkflowClient
    let ledger: ChaosLedger
    let deadline: ContinuousClock.Instant

    /// Creates workflows until the deadline, each under a key that is sent again until there is an answer.
    func create(perSecond rate: Double, seed: UInt64) async throws {
        var dice = Dice(seed: seed, for: "load")
        let deck = ChaosDefinitions.kinds.flatMap { Array(repeating: $0, count: $0.weight) }
        try await withThrowingDiscardingTaskGroup { group in
            var number = 0
            while ContinuousClock.now < deadline {
                guard let kind = deck.randomElement(using: &dice) else { return }
                let input = kind.input(&dice)
                number += 1
                let (key, name) = ("chaos-\(seed)-\(number)", "chaos-\(number)")
                group.addTask { try await create(kind, name, input, key: key) }
                try await Task.sleep(for: .seconds(Double.random(in: 0...2, using: &dice) / rate))
            }
        }
    }

    private func create(_ kind: ChaosDefinitions.Kind, _ name: String, _ input: JSONObject, key: String) async throws {
        let body: JSONValue = [
            "type": .string(kind.type), "name": .string(name), "input_data": .object(input),
            "idempotency_key": .string(key),
        ]
        ledger.asked(key)
        var orchestrator = Int.random(in: 0..<16)
        // Long after the deadline everything is up again: who has no answer by then gets none.
        while ContinuousClock.now < deadline + .seconds(60) {
            let answer = try? await client.send("POST", "/api/v1/workflows", body, to: orchestrator)
            ledger.answered("create", answer.map { "\($0.status)" } ?? "no answer")
            if let answer, [200, 201].contains(answer.status),
                let id = answer.body["id"]?.stringValue.flatMap({ UniqueID($0) })
            {
                ledger.accepted(id, key: key, ends: kind.ends, stages: kind.stages)
                return
            }
            orchestrator += 1
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Pauses, resumes, cancels and retries until the deadline.
    func intervene(seed: UInt64) async throws {
        var dice = Dice(seed: seed, for: "operators")
        while ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...700, using: &dice)))
            guard let id = ledger.someone(&dice) else { continue }
            switch Int.random(in: 0..<10, using: &dice) {
            case 0..<4:
                ledger.paused(id)
                await ask("pause", id, &dice)
            case 4..<7:
                guard let paused = ledger.stillPaused.randomElement(using: &dice) else { continue }
                if await ask("resume", paused, &dice) { ledger.resumed(paused) }
            case 7:
                ledger.intervened(id, mayBe: ["cancelled"])
                await ask("cancel", id, &dice)
            default:
                // Whether it had ended is seen by the answer; the ends it may have stay the same. A completed workflow
                // is retried from a stage only.
                let stage = ledger.stages(of: id).randomElement(using: &dice)
                let isNamed = Bool.random(using: &dice)
                await ask("retry", id, &dice, isNamed ? ["from_stage": .string(stage ?? "")] : [:])
            }
        }
    }

    /// Answers whatever is asked; after the deadline it also resumes whatever is paused. Returns when it is cancelled.
    func tend(_ record: Record) async throws {
        var dice = Dice(seed: 0)
        while !Task.isCancelled {
            let isOver = ContinuousClock.now > deadline
            for row in try await record.rows(
                """
                SELECT workflow_id::text, string_agg(id, ' ') FROM questions WHERE closed_at IS NULL
                GROUP BY workflow_id, stage LIMIT 20
                """)
            {
                guard let id = UniqueID(row[0]), isOver || Bool.random(using: &dice) else { continue }
                let answers = row[1].split(separator: " ").map { question -> JSONValue in
                    ["id": .string(String(question)), "value": "yes"]
                }
                await ask("answers", id, &dice, ["answers": .array(answers)])
            }
            // A pause that was on its way for long may have come after its resume.
            for row in isOver ? try await record.rows("SELECT id::text FROM workflows WHERE status = 'paused'") : [] {
                if let id = UniqueID(row[0]) { await ask("resume", id, &dice) }
            }
            try await Task.sleep(for: .milliseconds(700))
        }
    }

    /// Asks for something.
    ///
    /// - Returns: whether there was an answer that settles it.
    @discardableResult
    private func ask(
        _ what: String, _ id: UniqueID, _ dice: inout Dice, _ body: JSONObject = [:]
    ) async -> Bool {
        let orchestrator = Int.random(in: 0..<16, using: &dice)
        let answer = try? await client.send(
            "POST", "/api/v1/workflows/\(id)/\(what)", .object(body), to: orchestrator)
        ledger.answered(what, answer.map { "\($0.status)" } ?? "no answer")
        return answer.map { $0.status < 429 } ?? false
    }
}
