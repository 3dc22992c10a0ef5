import AgentProtocol
import FaultKit
import Foundation
import JSONTools
import PostgresDriver
import Testing

extension SideBySideTests {
    @Suite("Results that no agent should send")
    struct ResultTests {
        @Test(
            "twice, out of order, for another stage, stale, after cancel, malformed, 10 MB, wrong types: no state changes"
        )
        func variants() async throws {
            let shared = try TestStack.shared()
            let agent = HandmadeAgent("hand-results", shared.redisConfiguration)
            defer { agent.close() }
            try await agent.register()
            let id = try await shared.client.create("hand-results", "variants")
            let first = try #require(try await agent.take().first)
            let good = agent.result(of: first.envelope)
            var wrong: [TaskResult] = []
            var other = good
            other.stage = "second"
            wrong.append(other)
            other = good
            other.attempt = 2
            wrong.append(other)
            other = good
            other.dispatchID = DispatchID(rawValue: good.dispatchID.rawValue &+ 1)
            wrong.append(other)
            for result in wrong { try await agent.addResult(result.encoded()) }
            let bad = Self.undecodable(good)
            let before = try await shared.record.deadLetters(from: "orchestrator:results")
            let begun = ContinuousClock.now
            for bytes in bad { try await agent.addResult(bytes) }
            try await eventually(within: .seconds(10), "what can't be decoded is a dead letter") {
                try await shared.record.deadLetters(from: "orchestrator:results") >= before + bad.count
            }
            try await eventually(within: .seconds(10), "what isn't outstanding is set aside") {
                try await shared.ignoredResults(id) == wrong.count
            }
            Measurement.note("wrong-results", "ResultTests.variants", ContinuousClock.now - begun)
            #expect(try await shared.record.stages(id, "stage_completed").isEmpty)

            try await agent.finish(first, good)
            let second = try #require(try await agent.take().first)
            #expect(second.envelope.stage == "second")
            try await agent.addResult(good.encoded())
            try await eventually(within: .seconds(10), "the same again is set aside") {
                try await shared.ignoredResults(id) == wrong.count + 1
            }
            #expect(try await shared.record.stages(id, "stage_completed") == ["first"])
            try await agent.finish(second, agent.result(of: second.envelope))
            try await shared.complete([id], within: .seconds(10))
            #expect(try await shared.record.attempts(id).map(\.number) == [1, 1])
        }

        @Test("a result after cancel is in the audit trail and changes nothing")
        func afterCancel() async throws {
            let shared = try TestStack.shared()
            let agent = HandmadeAgent("hand-cancelled", shared.redisConfiguration)
            defer { agent.close() }
            try await agent.register()
            let id = try await shared.client.create("hand-cancelled", "after-cancel")
            let task = try #require(try await agent.take().first)
            try await agent.started(task.envelope.reference)
            try await eventually(within: .seconds(10), "the attempt runs") {
                try await shared.record.attempt(id, "first")?.status == Record.Attempt.running
            }
            try await shared.client.cancel(id)
            // Nobody stops, so that the attempt is closed 20 s after the cancel.
            try await shared.reach("cancelled", id, within: .seconds(26))
            let events = try await shared.record.number(
                "SELECT max(seq)::text FROM events WHERE workflow_id = $1::uuid", [.text("\(id)")])
            try await agent.finish(task, agent.result(of: task.envelope))
            try await eventually(within: .seconds(10), "the result is set aside") {
                try await shared.ignoredResults(id) == 1
            }
            #expect(try await shared.record.status(id) == "cancelled")
            #expect(try await shared.record.stages(id, "stage_completed").isEmpty)
            #expect(
                try await shared.record.number(
                    "SELECT max(seq)::text FROM events WHERE workflow_id = $1::uuid", [.text("\(id)")]) == events + 1)
        }

        @Test("what the database refuses, among a hundred good ones: cleaned, or a dead letter alone; the others go on")
        func amongAHundred() async throws {
            let shared = try TestStack.shared()
            let agent = HandmadeAgent("hand-hundred", shared.redisConfiguration)
            defer { agent.close() }
            // So many slots that all are sent at once: four times as many tasks as an agent has slots are.
            try await agent.register(slots: 50)
            agent.keepBeating()
            let ids = try await shared.client.createMany(103, "hand-hundred", "hundred")
            var tasks: [HandmadeAgent.Taken] = []
            try await eventually(within: .seconds(30), "all tasks are taken") {
                tasks += try await agent.take(atMost: 103)
                agent.list(tasks.map(\.envelope.reference))
                return tasks.count == ids.count
            }
            let before = try await shared.record.deadLetters(from: "orchestrator:results")
            let begun = ContinuousClock.now
            let poison = [50: #"{"text":"\u0000"}"#, 60: #"{"text":"\ud800"}"#, 70: #"{"number":1e200000}"#]
            var results: [[UInt8]] = []
            for (number, task) in tasks.enumerated() {
                let text = String(decoding: agent.result(of: task.envelope).encoded(), as: UTF8.self)
                let output = poison[number] ?? "{}"
                #expect(text.contains(#""output":{}"#))
                results.append(Array(text.replacing(#""output":{}"#, with: #""output":"# + output).utf8))
            }
            try await agent.addResults(results)
            // Two are cleaned, one can't be a number anywhere.
            try await eventually(within: .seconds(20), "102 workflows complete") {
                try await shared.record.count(ids, "completed") == 102
            }
            Measurement.note("refused-payload", "ResultTests.amongAHundred", ContinuousClock.now - begun)
            try await eventually(within: .seconds(10), "one is a dead letter") {
                try await shared.record.deadLetters(from: "orchestrator:results") > before
            }
            let left = tasks[70]
            #expect(try await shared.record.status(left.envelope.workflowID) != "completed")
            for task in tasks where task.entryID != left.entryID { try await agent.drop(task) }
            try await agent.finish(left, agent.result(of: left.envelope))
            try await shared.complete(ids, within: .seconds(10))
        }

        @Test("the same in requests: what can be cleaned is accepted and read back clean, what is no number is refused")
        func inRequests() async throws {
            let shared = try TestStack.shared()
            let expected: [(text: String, status: Int, kept: JSONValue?)] = [
                (#""a\u0000b""#, 201, "a\u{FFFD}b"), (#""a\ud800b""#, 201, "a\u{FFFD}b"), ("1e200000", 400, nil),
                (#""whole""#, 201, "whole"),
            ]
            var accepted: [UniqueID] = []
            for (text, status, kept) in expected {
                let body = #"{"type": "one", "name": "refused", "requirements": "x", "input_data": {"x": \#(text)}}"#
                let answer = try await shared.client.send("POST", "/api/v1/workflows", raw: Array(body.utf8))
                #expect(answer.status == status, "\(text): \(answer.status) \(answer.body)")
                guard let id = answer.body["id"]?.stringValue.flatMap({ UniqueID($0) }) else { continue }
                accepted.append(id)
                let rows = try await shared.record.rows(
                    "SELECT convert_from(input, 'UTF8') FROM workflows WHERE id = $1::uuid", [.text("\(id)")])
                let input = try JSONValue(parsing: Array(try #require(rows.first?.first).utf8))
                #expect(input["x"] == kept, "\(text)")
            }
            #expect(accepted.count == 3)
            try await shared.complete(accepted, within: .seconds(20))
        }

        private static func undecodable(_ good: TaskResult) -> [[UInt8]] {
            let text = String(decoding: good.encoded(), as: UTF8.self)
            let large = #""output":{"x":""# + String(repeating: "x", count: 10 << 20) + #""}"#
            return [
                Array(text.dropLast(20).utf8),
                Array(text.replacing(#""output":{}"#, with: large).utf8),
                Array(text.replacing(#""attempt":1"#, with: #""attempt":"one""#).utf8),
                Array(text.replacing(#""status":"success""#, with: #""status":7"#).utf8),
                Array(text.replacing(#""version":"2.0.0""#, with: #""version":"9.0.0""#).utf8),
                Array(text.replacing(#""output":{}"#, with: #""output":[]"#).utf8),
            ]
        }
    }
}
