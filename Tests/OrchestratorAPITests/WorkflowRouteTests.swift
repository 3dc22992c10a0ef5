import AgentProtocol
import Foundation
import JSONTools
import Testing

extension OverTheWire {
    @Suite("Workflows: list, show, cancel")
    struct WorkflowRoutes {
        @Test("Pages follow one another without gap or overlap, in every order")
        func pages() async throws {
            try await withAPI { api in
                var names: [String] = []
                for name in ["delta", "alpha", "echo", "bravo", "charlie"] {
                    _ = try await api.create(name)
                    names.append(name)
                }
                let orders: [(sort: String, expected: [String])] = [
                    ("-created_at", names.reversed()), ("created_at", names), ("name", names.sorted()),
                    ("-name", names.sorted().reversed()), ("updated_at", names),
                ]
                for (sort, expected) in orders {
                    var found: [String] = []
                    var cursor: String?
                    repeat {
                        let more = cursor.map { "&cursor=\($0)" } ?? ""
                        let page = try await api.get("/api/v1/workflows?limit=2&sort=\(sort)\(more)").json
                        let items = page["items"]?.arrayValue ?? []
                        #expect(items.count <= 2)
                        found += items.compactMap { $0["name"]?.stringValue }
                        cursor = page["next_cursor"]?.stringValue
                    } while cursor != nil && found.count < 20
                    #expect(found == expected, "sorted by \(sort)")
                }
            }
        }

        @Test("A list is filtered by status, type, priority, stage and words")
        func filters() async throws {
            try await withAPI { api in
                _ = try await api.create("apples", ["priority": "high", "description": "A Fruit"])
                _ = try await api.create("carrots", ["priority": "low"])
                func names(_ query: String) async throws -> [String] {
                    let reply = try await api.get("/api/v1/workflows?" + query)
                    #expect(reply.status == 200, "\(reply.text)")
                    return (reply.json["items"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }.sorted()
                }
                #expect(try await names("priority=high") == ["apples"])
                #expect(try await names("q=CARR") == ["carrots"])
                #expect(try await names("q=fruit") == ["apples"])
                #expect(try await names("q=a+fruit") == ["apples"])
                #expect(try await names("q=100%25") == [])
                #expect(try await names("type=chain&stage=first") == ["apples", "carrots"])
                #expect(try await names("type=app") == [])
                #expect(try await names("status=waiting_for_agent") == ["apples", "carrots"])
                #expect(try await names("status=running") == [])
                #expect(try await names("status=completed") == [])
            }
        }

        @Test("A query that can't be understood is refused, each fault by name")
        func refusesQueries() async throws {
            try await withAPI { api in
                let reply = try await api.get(
                    "/api/v1/workflows?status=runing&limit=201&sort=size&cursor=%21&stat=1&priority=urgent")
                #expect(reply.status == 400)
                let faults = reply.json["errors"]?.arrayValue ?? []
                #expect(
                    Set(faults.compactMap { $0["pointer"]?.stringValue }) == [
                        "?status", "?limit", "?sort", "?cursor", "?stat", "?priority",
                    ])
                #expect(reply.text.contains("did you mean 'running'?"))
                #expect(reply.text.contains("did you mean 'status'?"))
                let foreign = try await api.get("/api/v1/workflows?cursor=eyJvIjoibmFtZSJ9")
                #expect(foreign.status == 400, "a cursor of another order")
            }
        }

        @Test("What is not there is a 404, a wrong method a 405 that names the right ones")
        func missing() async throws {
            try await withAPI { api in
                for path in [
                    "/api/v1/workflows/0198c000-0000-7000-8000-000000000000", "/api/v1/workflows/nonsense",
                    "/api/v1/workflows/0198c000-0000-7000-8000-000000000000/events", "/api/v1/tasks/x", "/nowhere",
                    "/api/v1/agents/scaffold-0", "/api/v1/definitions/none", "/api/v2/workflows",
                ] {
                    let reply = try await api.get(path)
                    #expect(reply.status == 404, "\(path)")
                    #expect(reply.headers["content-type"] == "application/problem+json")
                    #expect(reply.json["instance"]?.stringValue == path)
                }
                let wrong = try await api.send("DELETE", "/api/v1/workflows", token: api.token)
                #expect(wrong.status == 405)
                #expect(wrong.headers["allow"] == "GET, HEAD, POST")
                for path in ["/health/live", "/api/v1/workflows", "/nowhere", "/api/v1/workflows/nonsense"] {
                    let head = try await api.send("HEAD", path, token: api.token)
                    let get = try await api.get(path)
                    #expect(head.status == get.status, "\(path)")
                    #expect(head.body.isEmpty)
                    #expect(head.headers["content-length"] == get.headers["content-length"])
                }
            }
        }

        @Test("A workflow says which agent it waits for and how to start one, and no longer when one is there")
        func waitsForAgent() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                _ = try await api.get("/health/ready") { $0["status"] == "ok" }
                let waiting = try await api.get("/api/v1/workflows/\(id)") { $0["status"] == "waiting_for_agent" }
                #expect(waiting["waiting_for"]?["what"] == "a scaffold agent")
                #expect(waiting["waiting_for"]?["help"]?.stringValue?.contains("scaffold-agent") == true)
                #expect(waiting["waiting_for"]?["since"]?.stringValue != nil)
                try await api.register("scaffold")
                let agents = try await api.get("/api/v1/agents") { $0["items"]?.arrayValue?.count == 1 }
                #expect(agents["items"]?[0]?["status"] == "running")
                #expect(try await api.get("/api/v1/agents/scaffold-00000001").json["slots"] == 4)
                let running = try await api.get("/api/v1/workflows/\(id)").json
                #expect(running["status"] == "running")
                let item = try await api.get("/api/v1/workflows").json["items"]?[0]
                #expect(item?["status"] == "running")
            }
        }

        @Test("A cancel stops a workflow once; after its end it is a conflict that tells the state")
        func cancels() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                let path = "/api/v1/workflows/\(id)/cancel"
                let wrong = try await api.post(path, ["why": "x"])
                #expect(wrong.status == 422)
                let cancelled = try await api.post(path, ["reason": "changed my mind"])
                #expect(cancelled.status == 202)
                #expect(cancelled.json["status"] == "stopping")
                #expect(cancelled.json["error"]?["message"] == "cancelled by admin: changed my mind")
                try await api.work(as: "scaffold", status: .cancelled)
                _ = try await api.get("/api/v1/workflows/\(id)") { $0["status"] == "cancelled" }
                let late = try await api.send("POST", path, token: api.token)
                #expect(late.status == 409)
                #expect(late.json["workflow_status"] == "cancelled")
                let unknown = try await api.post(
                    "/api/v1/workflows/0198c000-0000-7000-8000-000000000000/cancel", [:])
                #expect(unknown.status == 404)
            }
        }

        @Test("A failed workflow names stage, code and message")
        func showsFaults() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                try await api.work(as: "scaffold", status: .failure)
                let failed = try await api.get("/api/v1/workflows/\(id)") { $0["status"] == "failed" }
                #expect(failed["error"] == ["code": "TOOL_FAILED", "message": "it broke", "stage": "first"])
                #expect(failed["stages"]?[0]?["error"]?["code"] == "TOOL_FAILED")
                #expect(failed["stages"]?[1]?["status"] == "cancelled")
                let items = try await api.get("/api/v1/workflows?status=failed").json["items"]?.arrayValue ?? []
                #expect(items.map { $0["error"]?["code"] } == ["TOOL_FAILED"])
            }
        }
    }
}
