import Foundation
import JSONTools
import PostgresDriver
import Testing

extension OverTheWire {
    @Suite("Tokens, roles, names and sessions")
    struct TokenRoutes {
        @Test("A token is shown once, does what its role allows, and stops working when it is revoked")
        func lifeOfAToken() async throws {
            try await withAPI { api in
                let made = try await api.post("/api/v1/tokens", ["name": "ci", "role": "operator"])
                #expect(made.status == 201, "\(made.text)")
                let secret = try #require(made.json["token"]?.stringValue)
                let id = try #require(made.json["id"]?.stringValue)
                let list = try await api.get("/api/v1/tokens")
                #expect(!list.text.contains(secret), "a list never has secrets")
                #expect(list.json["items"]?.arrayValue?.count == 2)
                let body = Array(#"{"type": "chain", "name": "by-ci"}"#.utf8)
                let headers = ["Content-Type": "application/json"]
                let created = try await api.send(
                    "POST", "/api/v1/workflows", body: body, headers: headers, token: secret)
                #expect(created.status == 201)
                #expect(created.json["created_by"] == "ci")
                #expect(try await api.send("GET", "/api/v1/tokens", token: secret).status == 403)
                #expect(try await api.post("/api/v1/tokens", ["name": "ci", "role": "viewer"]).status == 409)
                #expect(try await api.send("DELETE", "/api/v1/tokens/\(id)", token: api.token).status == 204)
                #expect(try await api.send("GET", "/api/v1/workflows", token: secret).status == 401)
                #expect(try await api.send("DELETE", "/api/v1/tokens/\(id)", token: api.token).status == 204)
                let revoked = try await api.get("/api/v1/tokens").json["items"]?[0]
                #expect(revoked?["revoked_by"] == "admin")
                #expect(try await api.post("/api/v1/tokens", ["name": "ci", "role": "viewer"]).status == 201)
            }
        }

        @Test("Each role may do what it says and nothing else")
        func roles() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                let json = ["Content-Type": "application/json"]
                let requests: [(String, String, String?, allowed: Set<String>)] = [
                    ("GET", "/api/v1/workflows/\(id)", nil, ["viewer", "operator", "approver", "admin"]),
                    ("GET", "/metrics", nil, ["viewer", "operator", "approver", "admin"]),
                    ("POST", "/api/v1/workflows/\(id)/pause", "{}", ["operator", "admin"]),
                    ("POST", "/api/v1/workflows/\(id)/answers", "{}", ["operator", "approver", "admin"]),
                    ("GET", "/api/v1/tokens", nil, ["admin"]),
                    ("POST", "/api/v1/definitions", "{}", ["admin"]),
                    (
                        "GET", "/api/v1/artifacts/" + String(repeating: "0", count: 64), nil,
                        ["viewer", "operator", "approver", "admin", "agent"]
                    ),
                ]
                for role in ["viewer", "operator", "approver", "admin", "agent"] {
                    let made = try await api.post(
                        "/api/v1/tokens", ["name": .string("a-\(role)"), "role": .string(role)])
                    let secret = try #require(made.json["token"]?.stringValue)
                    for (method, path, body, allowed) in requests {
                        let reply = try await api.send(
                            method, path, body: body.map { Array($0.utf8) }, headers: body == nil ? [:] : json,
                            token: secret)
                        #expect((reply.status != 403) == allowed.contains(role), "\(role): \(method) \(path)")
                    }
                }
            }
        }

        @Test("A token ends by itself, and faults in a wish for one are named")
        func expiry() async throws {
            try await withAPI { api in
                let end = Timestamp.now() + .seconds(3600)
                func make(_ name: String) async throws -> String {
                    let made = try await api.post(
                        "/api/v1/tokens", ["name": .string(name), "role": "viewer", "expires_at": .string("\(end)")])
                    return try #require(made.json["token"]?.stringValue)
                }
                func status(_ secret: String) async throws -> Int {
                    try await api.send("GET", "/api/v1/workflows", token: secret).status
                }
                let (long, short) = (try await make("long"), try await make("short"))
                // Its end comes while the orchestrator may know it already.
                _ = try await api.pool.query(
                    "UPDATE tokens SET expires_at = clock_timestamp() + interval '300 ms' WHERE name = 'short'", [])
                try await api.eventually("the token has ended") { try await status(short) == 401 }
                #expect(try await status(long) == 200)
                let bad = try await api.post(
                    "/api/v1/tokens",
                    ["name": "..", "role": "king", "expires_at": "2001-01-01T00:00:00Z", "workers": ["-"]])
                #expect(bad.status == 422)
                let pointers = (bad.json["errors"]?.arrayValue ?? []).compactMap { $0["pointer"]?.stringValue }
                #expect(Set(pointers) == ["/name", "/role", "/expires_at", "/workers/0"])
            }
        }

        @Test("A client may name itself as its token allows; My_Worker and my-worker are one")
        func workers() async throws {
            try await withAPI { api in
                let made = try await api.post(
                    "/api/v1/tokens", ["name": "fleet", "role": "operator", "workers": ["My_Worker"]])
                #expect(made.json["workers"] == ["my-worker"])
                let secret = try #require(made.json["token"]?.stringValue)
                let body = Array(#"{"type": "chain", "name": "named"}"#.utf8)
                for (name, status) in [("my-worker", 201), ("MY_WORKER", 201), ("other", 403), ("..", 400)] {
                    let reply = try await api.send(
                        "POST", "/api/v1/workflows", body: body,
                        headers: ["Content-Type": "application/json", "X-Worker-ID": name], token: secret)
                    #expect(reply.status == status, "\(name): \(reply.text)")
                    if status == 201 { #expect(reply.json["created_by"] == "fleet/my-worker") }
                }
            }
        }

        @Test("A browser's cookie works for our own pages only, and no longer than its session")
        func sessions() async throws {
            try await withAPI { api in
                let login = try await api.send(
                    "POST", "/api/v1/login", body: Array(#"{"token": "\#(api.token)"}"#.utf8),
                    headers: ["Content-Type": "application/json"], token: nil)
                #expect(login.status == 200, "\(login.text)")
                let field = try #require(login.headers["set-cookie"])
                #expect(field.contains("HttpOnly") && field.contains("SameSite=Strict"))
                let cookie = try #require(field.split(separator: ";").first.map(String.init))
                #expect(
                    try await api.send("GET", "/api/v1/workflows", headers: ["Cookie": cookie], token: nil).status
                        == 200)
                func pause(_ origin: String) async throws -> Int {
                    try await api.send(
                        "POST", "/api/v1/workflows/\(UUID().uuidString.lowercased())/pause",
                        headers: ["Cookie": cookie, "Origin": origin], token: nil
                    ).status
                }
                #expect(try await pause("http://localhost") == 404, "our own page")
                #expect(try await pause("http://evil.example") == 403, "another site's page")
                let secret = try #require(cookie.split(separator: "=").last.map(String.init))
                #expect(
                    try await api.send(
                        "POST", "/api/v1/login", body: Array(#"{"token": "\#(secret)"}"#.utf8),
                        headers: ["Content-Type": "application/json"], token: nil
                    ).status == 401, "a session begets no session")
                let out = try await api.send(
                    "POST", "/api/v1/logout", headers: ["Cookie": cookie, "Origin": "http://localhost"], token: nil)
                #expect(out.status == 204)
                #expect(
                    try await api.send("GET", "/api/v1/workflows", headers: ["Cookie": cookie], token: nil).status
                        == 401)
                let wrong = try await api.send(
                    "POST", "/api/v1/login", body: Array(#"{"token": "wrong"}"#.utf8),
                    headers: ["Content-Type": "application/json"], token: nil)
                #expect(wrong.status == 401)
            }
        }
    }
}
