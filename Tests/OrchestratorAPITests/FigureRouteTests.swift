import Foundation
import JSONTools
import Testing

extension OverTheWire {
    @Suite("Figures, attempts, pictures, definitions, the document itself")
    struct FigureRoutes {
        @Test("Figures count what was created and what became of it")
        func figures() async throws {
            try await withAPI { api in
                _ = try await api.create("one")
                let id = try await api.createdID("two")
                _ = try await api.post("/api/v1/workflows/\(id)/cancel", [:])
                _ = try await api.get("/api/v1/workflows/\(id)") { $0["status"] == "cancelled" }
                let types = try await api.get("/api/v1/stats/workflows?window=1h").json
                #expect(types["items"]?[0]?["type"] == "chain")
                #expect(types["items"]?[0]?["created"] == 2)
                #expect(types["items"]?[0]?["cancelled"] == 1)
                let series = try await api.get("/api/v1/stats/timeseries?window=1h").json
                #expect(series["step_seconds"] == 60)
                let created = (series["items"]?.arrayValue ?? []).compactMap { $0["created"]?.intValue }
                #expect(created.reduce(0, +) == 2)
                let agents = try await api.get("/api/v1/stats/agents").json
                #expect(agents["items"]?[0]?["agent_type"] == "scaffold")
                let overview = try await api.get("/api/v1/stats/overview").json
                #expect(overview["open_dead_letters"] == 0)
                #expect(try await api.get("/api/v1/stats/workflows?window=2h").status == 400)
                let metrics = try await api.get("/metrics")
                #expect(metrics.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
                #expect(metrics.text.contains("\nbaton_redis_up 1\n"))
                #expect(metrics.text.contains("baton_workflows{status="))
            }
        }

        @Test("Attempts of all workflows, page by page and by filter")
        func attempts() async throws {
            try await withAPI { api in
                for name in ["one", "two", "three"] { _ = try await api.create(name) }
                _ = try await api.get("/api/v1/tasks") { $0["items"]?.arrayValue?.count == 3 }
                var seen: [String] = []
                var cursor: String?
                repeat {
                    let page = try await api.get("/api/v1/tasks?limit=2" + (cursor.map { "&cursor=\($0)" } ?? "")).json
                    seen += (page["items"]?.arrayValue ?? []).compactMap { $0["task_id"]?.stringValue }
                    cursor = page["next_cursor"]?.stringValue
                } while cursor != nil
                #expect(Set(seen).count == 3 && seen.count == 3)
                #expect(try await api.get("/api/v1/tasks?agent_type=none").json["items"] == [])
                #expect(try await api.get("/api/v1/tasks?status=done").status == 400)
                #expect(try await api.get("/api/v1/tasks?cursor=x").status == 400)
            }
        }

        @Test("A picture, and answers that need not be sent twice")
        func conditional() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                for path in ["/diagram.svg", ""] {
                    let first = try await api.get("/api/v1/workflows/\(id)\(path)")
                    #expect(first.status == 200)
                    let tag = try #require(first.headers["etag"])
                    let again = try await api.get("/api/v1/definitions/chain")
                    let definitionTag = try #require(again.headers["etag"])
                    let same = try await api.get("/api/v1/definitions/chain", headers: ["If-None-Match": definitionTag])
                    #expect(same.status == 304)
                    #expect(same.text.isEmpty)
                    #expect(
                        try await api.get("/api/v1/definitions/chain", headers: ["If-None-Match": tag]).status == 200)
                }
                #expect(
                    try await api.get("/api/v1/workflows/\(id)/diagram.svg").headers["content-type"] == "image/svg+xml")
            }
        }

        @Test("A definition is kept in the folder and as a new version; only admins may")
        func keepsDefinitions() async throws {
            try await withAPI { api in
                func send(_ method: String, _ path: String, _ text: String) async throws -> Reply {
                    try await api.send(
                        method, "/api/v1" + path, body: Array(text.utf8), headers: ["Content-Type": "application/yaml"],
                        token: api.token)
                }
                let text = "name: mine\nstages:\n  - {name: one, agent: scaffold, workspace: none}\n"
                let made = try await send("POST", "/definitions", text)
                #expect(made.status == 201, "\(made.text)")
                #expect(made.headers["location"] == "/api/v1/definitions/mine?version=1")
                #expect(try await send("POST", "/definitions", text).status == 200)
                let file = api.dataDirectory + "/definitions/mine.yaml"
                #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
                let second = text.replacing("name: one", with: "name: two")
                #expect(try await send("PUT", "/definitions/mine", second).json["version"] == 2)
                #expect(try await send("PUT", "/definitions/other", second).status == 422)
                let bad = try await send("POST", "/definitions", "name: x\nstages: []\n")
                #expect(bad.status == 422)
                #expect(bad.text.contains("line 2"))
                let versions = try await api.get("/api/v1/definitions/mine/versions").json["items"]?.arrayValue
                #expect(versions?.compactMap { $0["version"]?.intValue } == [2, 1])
                #expect(try await api.post("/api/v1/workflows", ["type": "mine", "name": "x"]).status == 201)
                #expect(try await api.get("/api/v1/definitions/validate").status != 200)
            }
        }

        @Test("Queries that no route reads are refused, bodies of control bytes too")
        func strictness() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                #expect(try await api.get("/api/v1/workflows/\(id)?colour=red").status == 400)
                #expect(try await api.get("/api/v1/workflows?q=%00").status == 200)
                #expect(try await api.get("/health?probe=1").status == 200)
                let broken = try await api.send(
                    "POST", "/api/v1/workflows/\(id)/pause", body: [0], headers: ["Content-Type": "application/json"],
                    token: api.token)
                #expect(broken.status == 400)
                let blank = try await api.send(
                    "POST", "/api/v1/workflows/\(id)/pause", body: Array(" \n".utf8), token: api.token)
                #expect(blank.status == 200)
                let allow = try await api.send("OPTIONS", "/api/v1/definitions/validate", token: api.token)
                #expect(allow.headers["allow"] == "POST")
            }
        }
    }
}
