import AgentProtocol
import Foundation
import JSONTools
import Testing

extension OverTheWire {
    @Suite("Workflows: pause, resume, retry, answer")
    struct CommandRoutes {
        private static let nowhere = "/api/v1/workflows/0198c000-0000-7000-8000-000000000000"

        private func pointers(_ reply: Reply) -> [String?] {
            reply.json["errors"]?.arrayValue?.map { $0["pointer"]?.stringValue } ?? []
        }

        // MARK: Pause and resume

        @Test("A paused workflow says who paused it, keeps what comes in, and sends nothing until it is resumed")
        func pauses() async throws {
            try await withAPI { api in
                let path = "/api/v1/workflows/\(try await api.createdID())"
                let paused = try await api.post(path + "/pause", ["reason": "lunch"])
                #expect(paused.status == 200)
                #expect(paused.json["status"] == "paused")
                #expect(paused.json["waiting_for"]?["what"] == "somebody to resume it")
                #expect(paused.json["waiting_for"]?["help"]?.stringValue?.hasPrefix("admin paused it") == true)
                #expect(paused.json["waiting_for"]?["since"]?.stringValue != nil)
                let again = try await api.send("POST", path + "/pause", token: api.token)
                #expect(again.status == 200 && again.json["version"] == paused.json["version"], "twice is once")

                try await api.work(as: "scaffold")
                let kept = try await api.get(path) { $0["stages"]?[0]?["status"] == "completed" }
                #expect(kept["status"] == "paused")
                #expect(kept["stages"]?[1]?["status"] == "pending")
                _ = try await api.get("/api/v1/workflows?status=paused") { $0["items"]?.arrayValue?.count == 1 }

                let resumed = try await api.send("POST", path + "/resume", token: api.token)
                #expect(resumed.status == 200)
                #expect(resumed.json["status"]?.stringValue != "paused")
                #expect(resumed.json["stages"]?[1]?["status"] == "running")
                try await api.work(as: "validation")
                _ = try await api.get(path) { $0["status"] == "completed" }
                let kinds = try await api.get(path + "/events").json["items"]?.arrayValue?.map { $0["kind"] } ?? []
                #expect(kinds.contains("workflow_paused") && kinds.contains("workflow_resumed"))
            }
        }

        @Test("What the state doesn't allow is a conflict that tells the state and what would be allowed")
        func conflicts() async throws {
            try await withAPI { api in
                let path = "/api/v1/workflows/\(try await api.createdID())"
                let early = try await api.post(path + "/retry", [:])
                #expect(early.status == 409)
                #expect(early.json["detail"]?.stringValue?.contains("cancel it first, or wait for its end") == true)
                #expect(early.json["version"]?.intValue ?? 0 > 0)
                let dry = try await api.post(path + "/retry", ["dry_run": true])
                #expect(dry.status == 409, "a dry run is refused for the same reasons")
                let silent = try await api.post(path + "/answers", ["answers": [["id": "q", "value": 1]]])
                #expect(silent.status == 409)
                #expect(silent.json["detail"]?.stringValue?.contains("it asks nothing at present") == true)

                try await api.work(as: "scaffold", status: .failure)
                _ = try await api.get(path) { $0["status"] == "failed" }
                for (command, rule) in [
                    ("pause", "only a running one can be paused"), ("resume", "only a paused one can be resumed"),
                    ("cancel", "one that has ended can't be cancelled"),
                ] {
                    let reply = try await api.send("POST", "\(path)/\(command)", token: api.token)
                    #expect(reply.status == 409, "\(command)")
                    #expect(reply.json["workflow_status"] == "failed")
                    #expect(reply.json["detail"]?.stringValue == "the workflow is failed; \(rule)")
                }
                for command in ["pause", "resume", "retry", "cancel"] {
                    #expect(try await api.post("\(Self.nowhere)/\(command)", [:]).status == 404, "\(command)")
                    #expect(pointers(try await api.post("\(path)/\(command)", ["why": 1])) == ["/why"], "\(command)")
                    let open = try await api.send("POST", "\(path)/\(command)", token: nil)
                    #expect(open.status == 401, "\(command)")
                }
            }
        }

        // MARK: Retry

        @Test(
            "A dry run lists what would run again; the retry runs it as a new generation, on the version it was meant for"
        )
        func retries() async throws {
            try await withAPI { api in
                let path = "/api/v1/workflows/\(try await api.createdID())"
                try await api.work(as: "scaffold")
                try await api.work(as: "validation", status: .failure)
                let failed = try await api.get(path) { $0["status"] == "failed" }
                let version = try #require(failed["version"]?.intValue)

                let plan = try await api.post(path + "/retry", ["dry_run": true])
                #expect(plan.status == 200)
                #expect(plan.json["dry_run"] == true && plan.json["version"]?.intValue == version)
                #expect(
                    plan.json["runs_again"] == [
                        ["name": "second", "agent": "validation", "status": "failed", "generation": 2]
                    ])
                #expect(plan.json["keeps"] == ["first"])
                let whole = try await api.post(path + "/retry", ["dry_run": true, "from_stage": "first"])
                #expect(whole.json["runs_again"]?.arrayValue?.map { $0["name"] } == ["first", "second"])
                #expect(try await api.get(path).json["version"]?.intValue == version, "a dry run changes nothing")

                let stale = try await api.post(path + "/retry", ["expected_version": .integer(Int64(version - 1))])
                #expect(stale.status == 409)
                #expect(stale.json["expected_version"]?.intValue == version - 1)
                #expect(stale.json["version"]?.intValue == version)
                let lost = try await api.post(path + "/retry", ["from_stage": "secnd"])
                #expect(lost.status == 422 && pointers(lost) == ["/from_stage"])
                #expect(lost.text.contains("did you mean 'second'?"))
                let wrong = try await api.post(
                    path + "/retry", ["from_stage": 1, "dry_run": "yes", "expected_version": -1])
                #expect(pointers(wrong) == ["/from_stage", "/dry_run", "/expected_version"])

                let retried = try await api.post(path + "/retry", ["expected_version": .integer(Int64(version))])
                #expect(retried.status == 202)
                #expect(retried.json["stages"]?[1]?["generation"] == 2)
                #expect(retried.json["stages"]?[0]?["generation"] == 1)
                #expect(retried.json["error"] == .null)
                try await api.work(as: "validation")
                let done = try await api.get(path) { $0["status"] == "completed" }
                #expect(done["stages"]?[0]?["status"] == "completed")

                let nothing = try await api.post(path + "/retry", [:])
                #expect(nothing.status == 422)
                #expect(nothing.text.contains("every stage ended well"))
                let whole2 = try await api.post(path + "/retry", ["from_stage": "first"])
                #expect(whole2.status == 202, "what completed may be run again from a named stage")
                #expect(whole2.json["stages"]?.arrayValue?.map { $0["generation"] } == [2, 3])
            }
        }

        // MARK: Answers

        private static let questions = [
            Question(id: "colour", text: "Which colour?", options: ["red", "green"]),
            Question(id: "size", text: "How large?"),
        ]

        /// Bodies of answers to these questions that are refused, with what is wrong.
        private static let refused: [(JSONValue, [String])] = [
            ([:], ["/answers"]), (["answers": []], ["/answers"]), (["answers": ["red"]], ["/answers/0"]),
            (["answers": [["id": 1]]], ["/answers/0/id", "/answers/0/value"]),
            (
                ["answers": [["id": "color", "value": "red"], ["id": "size", "value": 2]]],
                ["/answers/0/id", "/answers"]
            ),
            (
                ["answers": [["id": "colour", "value": "blue"], ["id": "size", "value": 2]]],
                ["/answers/0/value"]
            ),
            (["answers": [["id": "colour", "value": "red"]]], ["/answers"]),
            (
                [
                    "answers": [
                        ["id": "size", "value": 1], ["id": "size", "value": 2],
                        ["id": "colour", "value": "red"],
                    ]
                ],
                ["/answers/1/id"]
            ),
        ]

        @Test("Questions stand in the workflow with what they need; the answers go into the next attempt")
        func answers() async throws {
            try await withAPI { api in
                let path = "/api/v1/workflows/\(try await api.createdID())"
                try await api.work(as: "scaffold", status: .needsInput, output: [:], questions: Self.questions)
                let asking = try await api.get(path) { $0["status"] == "awaiting_clarification" }
                let questions = asking["questions"]?.arrayValue ?? []
                #expect(questions.map { $0["id"] } == ["colour", "size"])
                #expect(questions[0]["text"] == "Which colour?" && questions[0]["stage"] == "first")
                #expect(questions[0]["options"] == ["red", "green"] && questions[1]["options"] == [])
                #expect(questions[0]["expires_at"]?.stringValue == asking["waiting_for"]?["until"]?.stringValue)
                #expect(asking["waiting_for"]?["what"] == "answers to 2 questions of first")
                #expect(asking["waiting_for"]?["help"]?.stringValue?.contains("colour=… size=…") == true)
                let listed = try await api.get("/api/v1/workflows?status=awaiting_clarification").json["items"]
                #expect(listed?.arrayValue?.count == 1)

                for (body, expected) in Self.refused {
                    let reply = try await api.post(path + "/answers", body)
                    #expect(reply.status == 422, "\(body)")
                    #expect(pointers(reply) == expected, "\(reply.text)")
                }
                let meant = try await api.post(path + "/answers", ["answers": [["id": "color", "value": "red"]]])
                #expect(meant.text.contains("did you mean 'colour'?"))
                let stage = try await api.post(
                    path + "/answers", ["stage": "frist", "answers": [["id": "colour", "value": "red"]]])
                #expect(stage.status == 422 && stage.text.contains("did you mean 'first'?"), "\(stage.text)")

                let values: JSONValue = [["id": "size", "value": 42], ["id": "colour", "value": "red"]]
                let stale = try await api.post(path + "/answers", ["round": 2, "answers": values])
                #expect(stale.status == 409 && stale.json["round"] == 1)
                #expect(
                    stale.json["detail"]?.stringValue?.contains("round 1 of its questions is open, not round 2") == true
                )
                let given = try await api.post(
                    path + "/answers", ["round": 1, "answers": values, "reason": "it fits"])
                #expect(given.status == 200, "\(given.text)")
                let events = try await api.get(path + "/events").json["items"]?.arrayValue ?? []
                let answered = try #require(events.first { $0["kind"] == "questions_answered" })
                #expect(answered["data"]?["reason"] == "it fits", "\(answered)")
                #expect(try await api.get("/api/v1/audit").json["items"]?[0]?["detail"] == "it fits")
                #expect(given.json["questions"] == [])
                #expect(given.json["stages"]?[0]?["status"] == "running")
                let envelope = try await api.take(as: "scaffold")
                #expect(envelope.attempt == 2)
                #expect(
                    envelope.answers.sorted { $0.id < $1.id }.map { [.string($0.id), $0.value] }
                        == [["colour", "red"], ["size", 42]] as [[JSONValue]])
                let late = try await api.post(path + "/answers", ["answers": [["id": "size", "value": 1]]])
                #expect(late.status == 409)
            }
        }
    }
}
