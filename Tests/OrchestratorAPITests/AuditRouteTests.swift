import Foundation
import JSONTools
import PostgresDriver
import Testing
import WorkflowStorage

@testable import OrchestratorAPI

extension OverTheWire {
    @Suite("Who did what, and how often")
    struct AuditRoutes {
        @Test("What was changed stands in the trail with who, what and to what; what only looks does not")
        func trail() async throws {
            try await withAPI { api in
                let secret = "an-operators-secret-that-is-long-enough"
                try await api.store.keep(
                    TokenRow(
                        hash: SHA256Digest.hex(of: Array(secret.utf8)), name: "olga", role: "operator",
                        tenant: "default"))
                let id = try await api.createdID("watched")
                _ = try await api.post("/api/v1/workflows/\(id)/pause", ["reason": "the branch is frozen"])
                _ = try await api.send("POST", "/api/v1/workflows/\(id)/cancel", token: secret)
                _ = try await api.send(
                    "POST", "/api/v1/tokens", headers: ["X-Worker-ID": "Night_Shift"], token: secret)
                _ = try await api.get("/api/v1/workflows/\(id)")
                _ = try await api.post("/api/v1/workflows/\(UUID().uuidString.lowercased())/pause", [:])
                _ = try await api.post("/api/v1/definitions/validate", ["name": "x"])
                let made = try await api.post("/api/v1/tokens", ["name": "ci", "role": "viewer"]).json
                let entries = try await api.get("/api/v1/audit").json["items"]?.arrayValue ?? []
                let seen = entries.reversed().map { entry in
                    [
                        entry["actor"]?.stringValue, entry["role"]?.stringValue, entry["action"]?.stringValue,
                        entry["target"]?.stringValue, entry["status"]?.intValue.map(String.init),
                        entry["detail"]?.stringValue,
                    ]
                }
                #expect(
                    seen == [
                        ["admin", "admin", "createWorkflow", id, "201", "chain watched"],
                        ["admin", "admin", "pauseWorkflow", id, "200", "the branch is frozen"],
                        ["olga", "operator", "cancelWorkflow", id, "202", ""],
                        ["olga/night-shift", "operator", "createToken", nil, "403", ""],
                        ["admin", "admin", "createToken", made["id"]?.stringValue, "201", "ci, viewer"],
                    ])
                #expect(entries.allSatisfy { $0["at"]?.stringValue != nil })
            }
        }

        @Test("While the trail can't be written nothing is done that would have to stand in it")
        func unwritable() async throws {
            try await withAPI { api in
                let (first, second) = (try await api.createdID("first"), try await api.createdID("second"))
                func status(of id: String) async throws -> String? {
                    try await api.get("/api/v1/workflows/\(id)").json["status"]?.stringValue
                }
                func tokens() async throws -> Int? {
                    try await api.get("/api/v1/tokens").json["items"]?.arrayValue?.count
                }
                let before = try await tokens()
                _ = try await api.pool.query("ALTER TABLE audit RENAME TO audit_elsewhere", [])
                let token = try await api.post("/api/v1/tokens", ["name": "ci", "role": "viewer"])
                #expect(token.status == 503 && token.headers["retry-after"] != nil)
                #expect(token.json["detail"]?.stringValue?.contains("audit trail") == true)
                #expect(try await tokens() == before)
                // This one has its own trail in the record, and shows that the other one can't be written.
                #expect(try await api.post("/api/v1/workflows/\(first)/pause", ["reason": "lunch"]).status == 200)
                let late = try await api.post("/api/v1/workflows/\(second)/pause", [:])
                #expect(late.status == 503)
                #expect(try await status(of: second) != "paused")
                let events = try await api.get("/api/v1/workflows/\(first)/events").json["items"]?.arrayValue
                #expect(events?.contains { $0["actor"] == "admin" && $0["kind"] == "workflow_paused" } == true)
                _ = try await api.pool.query("ALTER TABLE audit_elsewhere RENAME TO audit", [])
                try await api.eventually("the trail is written again") {
                    try await api.post("/api/v1/workflows/\(second)/pause", [:]).status == 200
                }
                let entries = try await api.get("/api/v1/audit?action=pauseWorkflow").json["items"]?.arrayValue ?? []
                #expect(entries.compactMap { $0["target"]?.stringValue } == [second, first])
            }
        }

        @Test("What may have been done without an answer stands in the trail as begun; what was refused doesn't")
        func begun() async throws {
            try await withAPI { api in
                _ = try await api.pool.query(
                    "ALTER TABLE tokens ADD CONSTRAINT unlucky CHECK (name <> 'unlucky') NOT VALID", [])
                #expect(try await api.post("/api/v1/tokens", ["name": "unlucky", "role": "viewer"]).status == 500)
                #expect(try await api.post("/api/v1/tokens", ["name": "", "role": "viewer"]).status == 422)
                #expect(try await api.post("/api/v1/agents/none/drain", [:]).status == 404)
                let entries = try await api.get("/api/v1/audit").json["items"]?.arrayValue ?? []
                #expect(entries.map { $0["action"]?.stringValue } == ["createToken"])
                #expect(entries.map { $0["status"]?.intValue } == [102])
            }
        }

        @Test("It is listed by actor, action and target, page by page")
        func filters() async throws {
            try await withAPI { api in
                var ids: [String] = []
                for number in 0..<5 { ids.append(try await api.createdID("w\(number)")) }
                _ = try await api.post("/api/v1/workflows/\(ids[2])/pause", [:])
                func targets(_ query: String) async throws -> [String] {
                    var found: [String] = []
                    var cursor: String?
                    repeat {
                        let reply = try await api.get(
                            "/api/v1/audit?limit=2&\(query)" + (cursor.map { "&cursor=\($0)" } ?? ""))
                        #expect(reply.status == 200, "\(reply.text)")
                        found += (reply.json["items"]?.arrayValue ?? []).compactMap { $0["target"]?.stringValue }
                        cursor = reply.json["next_cursor"]?.stringValue
                    } while cursor != nil
                    return found
                }
                #expect(try await targets("actor=admin") == [ids[2]] + ids.reversed())
                #expect(try await targets("actor=nobody") == [])
                #expect(try await targets("action=createWorkflow") == ids.reversed())
                #expect(try await targets("action=pauseWorkflow") == [ids[2]])
                #expect(try await targets("target=\(ids[2])") == [ids[2], ids[2]])
                #expect(try await api.get("/api/v1/audit?cursor=nonsense").status == 400)
                #expect(try await api.get("/api/v1/audit?colour=red").status == 400)
            }
        }

        @Test("A token that sends too much is told when to come back; others are served")
        func rates() async throws {
            try await withAPI(requestsPerSecond: 1) { api in
                let secret = "a-viewers-secret-that-is-long-enough"
                try await api.store.keep(
                    TokenRow(
                        hash: SHA256Digest.hex(of: Array(secret.utf8)), name: "vera", role: "viewer",
                        tenant: "default"))
                var refused: Reply?
                for _ in 0..<40 {
                    let reply = try await api.get("/api/v1/agents")
                    if reply.status == 429 {
                        refused = reply
                        break
                    }
                    #expect(reply.status == 200)
                }
                let reply = try #require(refused, "40 requests at once, though 20 may be")
                #expect(reply.headers["retry-after"].flatMap(Int.init) ?? 0 >= 1)
                #expect(reply.json["type"] == "urn:baton:problem:rate-limited")
                #expect(try await api.send("GET", "/api/v1/agents", token: secret).status == 200)
                #expect(try await api.send("GET", "/health/live", token: nil).status == 200)
            }
        }

        @Test("An idempotency key is forgotten after 30 days, and not before")
        func keys() async throws {
            try await withAPI { api in
                func create() async throws -> (Int, String?) {
                    let reply = try await api.post(
                        "/api/v1/workflows", ["type": "chain", "name": "n", "idempotency_key": "monday"])
                    return (reply.status, reply.json["id"]?.stringValue)
                }
                let first = try await create()
                #expect(first.0 == 201)
                for days in [29, 31] {
                    _ = try await api.pool.query(
                        "UPDATE workflows SET created_at = now() - $1::int * interval '1 day'", [.int4(Int32(days))])
                    try await PostgresMaintenance(pool: api.pool).forgetKeys()
                    let again = try await create()
                    #expect(again.0 == (days < 30 ? 200 : 201))
                    #expect((again.1 == first.1) == (days < 30))
                }
            }
        }

        @Test("A browser's cookie changes nothing without an Origin, or from another port of this host")
        func cookies() async throws {
            try await withAPI { api in
                let login = try await api.send(
                    "POST", "/api/v1/login", body: Array(#"{"token": "\#(api.token)"}"#.utf8),
                    headers: ["Content-Type": "application/json"], token: nil)
                let cookie = try #require(login.headers["set-cookie"]?.split(separator: ";").first.map(String.init))
                func status(_ method: String, _ headers: [String: String]) async throws -> Int {
                    try await api.send(
                        method, method == "GET" ? "/api/v1/agents" : "/api/v1/agents/none/drain",
                        headers: headers.merging(["Cookie": cookie]) { $1 }, token: nil
                    ).status
                }
                #expect(try await status("GET", [:]) == 200)
                #expect(try await status("POST", [:]) == 403)
                #expect(try await status("POST", ["Origin": "http://localhost"]) == 404)
                #expect(try await status("POST", ["Sec-Fetch-Site": "same-origin"]) == 404)
                #expect(try await status("POST", ["Origin": "http://localhost:8080"]) == 403)
                #expect(
                    try await status("POST", ["Origin": "http://localhost", "Sec-Fetch-Site": "same-site"]) == 403)
                #expect(try await status("GET", ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"]) == 403)
                #expect(try await status("GET", ["Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"]) == 200)
                let actions = try await api.get("/api/v1/audit?action=login").json["items"]?.arrayValue
                #expect(actions?.count == 1)
            }
        }
    }
}
