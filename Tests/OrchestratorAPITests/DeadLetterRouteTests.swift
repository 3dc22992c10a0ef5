import AgentProtocol
import Foundation
import JSONTools
import PostgresDriver
import Testing

extension OverTheWire {
    @Suite("Dead letters: list, show, redrive, drop")
    struct DeadLetterRoutes {
        /// Puts a message among the dead letters and gives its id.
        private func keep(
            _ api: APIFixture, cause: String = "INVALID_JSON", source: String = "orchestrator:results",
            bytes: String = "abc", size: Int? = nil
        ) async throws -> String {
            let rows = try await api.pool.query(
                """
                INSERT INTO dead_letters (id, kind, source, cause, cause_class, detail, bytes, size_bytes)
                VALUES (gen_random_uuid(), 'message', $1, $2, 'malformed', 'no JSON', $3, $4)
                RETURNING id::text
                """,
                [.text(source), .text(cause), .bytes(Array(bytes.utf8)), .int4(Int32(size ?? bytes.utf8.count))])
            return try #require(try rows.first?.value(0, as: String.self))
        }

        @Test("What could not be used is listed, newest first, page by page, by kind, state and class")
        func lists() async throws {
            try await withAPI { api in
                let path = "/api/v1/dead-letters"
                #expect(try await api.get(path).json["items"] == [])
                for number in 1...3 { _ = try await keep(api, cause: "CAUSE_\(number)") }
                let page = try await api.get(path + "?limit=2").json
                #expect(page["items"]?.arrayValue?.map { $0["cause"] } == ["CAUSE_3", "CAUSE_2"])
                #expect(page["items"]?[0]?["size_bytes"] == 3 && page["items"]?[0]?["state"] == "open")
                let cursor = try #require(page["next_cursor"]?.stringValue)
                let rest = try await api.get("\(path)?limit=2&cursor=\(cursor)").json
                #expect(rest["items"]?.arrayValue?.map { $0["cause"] } == ["CAUSE_1"])
                #expect(rest["next_cursor"] == .null)
                #expect(
                    try await api.get(path + "?cause_class=malformed&kind=message").json["items"]?.arrayValue?.count
                        == 3)
                #expect(try await api.get(path + "?kind=task").json["items"] == [])
                let wrong = try await api.get(path + "?kind=letter&state=opne&cursor=x&workflow_id=y&limit=0")
                #expect(wrong.status == 400)
                #expect(wrong.json["errors"]?.arrayValue?.count == 5)
                #expect(wrong.text.contains("did you mean 'open'?"))
            }
        }

        @Test("A letter shows what is in it; dropping it is noted, and can't be done twice")
        func drops() async throws {
            try await withAPI { api in
                let path = "/api/v1/dead-letters/\(try await keep(api, bytes: "{\"half"))"
                let shown = try await api.get(path).json
                #expect(shown["content"] == "{\"half" && shown["is_whole"] == true)
                #expect(try await api.send("DELETE", path, token: api.token).status == 204)
                let dropped = try await api.get(path).json
                #expect(dropped["state"] == "dropped" && dropped["resolved_by"] == "admin")
                let again = try await api.send("DELETE", path, token: api.token)
                #expect(again.status == 409 && again.json["detail"] == "it was dropped by admin already")
                #expect(try await api.post(path + "/redrive", [:]).status == 409)
                #expect(try await api.get("/api/v1/dead-letters").json["items"] == [])
                #expect(try await api.get("/api/v1/dead-letters?state=all").json["items"]?.arrayValue?.count == 1)
                for missing in ["x", "0198c000-0000-7000-8000-000000000000"] {
                    #expect(try await api.get("/api/v1/dead-letters/\(missing)").status == 404)
                }
            }
        }

        @Test("A message goes back onto its stream; one that was cut, or came from nowhere, can't")
        func redrivesMessages() async throws {
            try await withAPI { api in
                let id = try await keep(api, bytes: "still no JSON")
                let sent = try await api.post("/api/v1/dead-letters/\(id)/redrive", [:])
                #expect(sent.status == 202)
                #expect(sent.json["dead_letter"]?["state"] == "redriven")
                #expect(sent.json["workflow"] == .null)
                // It is as unreadable as before, so the intake sets it aside again, under a new id.
                let open = try await api.get("/api/v1/dead-letters") { $0["items"]?.arrayValue?.count == 1 }
                let second = try #require(open["items"]?[0]?["id"]?.stringValue)
                #expect(second != id)
                #expect(try await api.get("/api/v1/dead-letters/\(second)").json["content"] == "still no JSON")

                let cut = try await api.post("/api/v1/dead-letters/\(try await keep(api, size: 70_000))/redrive", [:])
                #expect(cut.status == 409)
                #expect(cut.json["detail"]?.stringValue?.contains("only 3 of its 70000 bytes were kept") == true)
                let lost = try await keep(api, source: "somewhere")
                let refused = try await api.post("/api/v1/dead-letters/\(lost)/redrive", [:])
                #expect(refused.status == 409 && refused.text.contains("no stream that it could go back onto"))
                #expect(try await api.get("/api/v1/dead-letters/\(lost)").json["state"] == "open")
            }
        }

        @Test("A task whose attempts are spent is kept with its cause; redriving it retries its workflow from there")
        func redrivesTasks() async throws {
            try await withAPI { api in
                let workflowID = try await api.createdID("spent")
                try await api.work(as: "scaffold")
                try await api.work(as: "validation", status: .failure)
                _ = try await api.get("/api/v1/workflows/\(workflowID)") { $0["status"] == "failed" }
                let list = try await api.get("/api/v1/dead-letters?kind=task&workflow_id=\(workflowID)").json
                #expect(list["items"]?.arrayValue?.count == 1)
                let letter = try #require(list["items"]?[0])
                #expect(letter["cause"] == "TOOL_FAILED" && letter["cause_class"] == "failure")
                #expect(letter["stage"] == "second" && letter["generation"] == 1 && letter["attempt"] == 1)
                #expect(letter["workflow_id"]?.stringValue == workflowID && letter["workflow_name"] == "spent")
                let path = "/api/v1/dead-letters/\(try #require(letter["id"]?.stringValue))"
                let shown = try await api.get(path).json
                #expect(shown["workflow_name"] == "spent")
                let envelope = try JSONValue(parsing: try #require(shown["content"]?.stringValue))
                #expect(envelope["agent_type"] == "validation" && envelope["attempt"] == 1)

                let driven = try await api.post(path + "/redrive", [:])
                #expect(driven.status == 202, "\(driven.text)")
                #expect(driven.json["dead_letter"]?["state"] == "redriven")
                #expect(driven.json["dead_letter"]?["resolved_by"] == "admin")
                #expect(driven.json["workflow"]?["stages"]?[1]?["generation"] == 2)
                let again = try await api.post(path + "/redrive", [:])
                #expect(again.status == 409)
                try await api.work(as: "validation")
                _ = try await api.get("/api/v1/workflows/\(workflowID)") { $0["status"] == "completed" }
            }
        }
    }
}
