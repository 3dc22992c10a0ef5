import Foundation
import JSONTools
import PostgresDriver
import Testing

extension OverTheWire {
    @Suite("POST /workflows")
    struct CreateWorkflow {
        @Test("A workflow is created, shown with all its stages, and runs to its end")
        func creates() async throws {
            try await withAPI { api in
                let reply = try await api.post(
                    "/api/v1/workflows",
                    [
                        "type": "chain", "name": "calculator-app", "requirements": "add numbers", "priority": "high",
                        "input_data": ["colour": "red"],
                    ])
                #expect(reply.status == 201)
                let created = reply.json
                let id = try #require(created["id"]?.stringValue)
                #expect(reply.headers["location"] == "/api/v1/workflows/\(id)")
                #expect(created["priority"] == "high")
                #expect(created["created_by"] == "admin")
                #expect(created["input_data"] == ["colour": "red", "count": 3], "the schema's default is filled in")
                #expect(created["stages"]?.arrayValue?.map { $0["name"] } == ["first", "second"])
                try await api.work(as: "scaffold", output: ["summary": "planned", "n": 7])
                try await api.work(as: "validation")
                let ended = try await api.get("/api/v1/workflows/\(id)") { $0["status"] == "completed" }
                #expect(ended["progress"] == 100)
                #expect(ended["waiting_for"] == .null)
                #expect(ended["error"] == .null)
                let first = try #require(ended["stages"]?[0])
                #expect(first["status"] == "completed")
                #expect(first["output"] == ["summary": "planned", "n": 7])
                #expect(first["agent_id"] == "scaffold-00000001")
                #expect(first["attempt"] == 1)
                #expect(first["duration_ms"]?.intValue != nil)
                #expect(ended["completed_at"]?.stringValue != nil)
            }
        }

        @Test("Every fault of a body is named, with a suggestion where one is near")
        func namesFaults() async throws {
            try await withAPI { api in
                let reply = try await api.post(
                    "/api/v1/workflows",
                    [
                        "type": "chian", "name": "../etc", "prioriti": "high", "priority": 3, "requirements": [1],
                        "trace_id": "xyz", "idempotency_key": "",
                    ])
                #expect(reply.status == 422)
                #expect(reply.headers["content-type"] == "application/problem+json")
                #expect(reply.json["status"] == 422)
                #expect(reply.json["instance"] == "/api/v1/workflows")
                let faults = reply.json["errors"]?.arrayValue ?? []
                #expect(
                    faults.compactMap { $0["pointer"]?.stringValue }.sorted() == [
                        "/idempotency_key", "/name", "/prioriti", "/priority", "/requirements", "/trace_id", "/type",
                    ])
                func message(_ pointer: String) -> String {
                    faults.first { $0["pointer"]?.stringValue == pointer }?["message"]?.stringValue ?? ""
                }
                #expect(message("/type").contains("did you mean 'chain'?"))
                #expect(message("/prioriti").contains("did you mean 'priority'?"))
                #expect(message("/priority").contains("found an integer; expected a string"))
                #expect(message("/name").contains("'../etc'"))
                let bare = try await api.post("/api/v1/workflows", [:])
                #expect(bare.json["errors"]?.arrayValue?.count == 2, "type and name are missing")
                #expect(try await api.get("/api/v1/workflows").json["items"] == [], "nothing was created")
            }
        }

        @Test("input_data is held against the definition's schema, and has to fit in an envelope")
        func checksInput() async throws {
            try await withAPI { api in
                let wrong = try await api.post(
                    "/api/v1/workflows",
                    ["type": "chain", "name": "a", "input_data": ["count": 0, "colour": "blue", "size": 1]])
                #expect(wrong.status == 422)
                let pointers = wrong.json["errors"]?.arrayValue?.compactMap { $0["pointer"]?.stringValue } ?? []
                #expect(Set(pointers) == ["/input_data/count", "/input_data/colour", "/input_data/size"])
                let list = try await api.post("/api/v1/workflows", ["type": "chain", "name": "a", "input_data": [1]])
                #expect(list.json["errors"]?[0]?["message"] == "found an array; expected an object")
                let large = try await api.post(
                    "/api/v1/workflows",
                    ["type": "chain", "name": "a", "requirements": .string(String(repeating: "x", count: 65_536))])
                #expect(large.status == 422)
                #expect(large.json["errors"]?[0]?["pointer"] == "/requirements")
            }
        }

        @Test("What is no JSON, no object, too large or of another type is refused, and the server goes on")
        func refusesBodies() async throws {
            try await withAPI { api in
                let json = ["Content-Type": "application/json"]
                let path = "/api/v1/workflows"
                let broken = try await api.send(
                    "POST", path, body: Array("{\"type\": \"chain\",\n \"name\" 7}".utf8), headers: json,
                    token: api.token)
                #expect(broken.status == 400)
                #expect(broken.json["line"] == 2)
                #expect(broken.json["column"]?.intValue != nil)
                let empty = try await api.send("POST", path, body: [], headers: json, token: api.token)
                #expect(empty.status == 400)
                let text = try await api.send("POST", path, body: Array("7".utf8), headers: json, token: api.token)
                #expect(text.status == 422)
                let form = try await api.send(
                    "POST", path, body: Array("type=chain".utf8),
                    headers: ["Content-Type": "application/x-www-form-urlencoded"], token: api.token)
                #expect(form.status == 415)
                let untyped = try await api.send("POST", path, body: Array("{}".utf8), token: api.token)
                #expect(untyped.status == 415)
                let large = try await api.send(
                    "POST", path, body: [UInt8](repeating: 0x20, count: 10 << 20), headers: json, token: api.token)
                #expect(large.status == 413)
                #expect(large.headers["content-type"] == "application/problem+json")
                let chunk = [UInt8](repeating: 0x20, count: 64 * 1024)
                var chunked = Array(
                    ("POST \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(api.token)\r\n"
                        + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").utf8)
                for _ in 0..<40 { chunked += Array("10000\r\n".utf8) + chunk + Array("\r\n".utf8) }
                chunked += Array("0\r\n\r\n".utf8)
                #expect(try await RawHTTP.send(port: api.port, chunked).status == 413, "its size isn't announced")
                _ = try await api.create("after-all-that")
            }
        }

        @Test(
            "What is no proper HTTP is refused or cut off, and the server goes on",
            arguments: [
                "GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
                "GET /api/v1/workflows HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "y", count: 100_000))\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\n\(String(repeating: "A: b\r\n", count: 1000))\r\n",
                "POST /api/v1/workflows HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                "GET /\(String(repeating: "a", count: 1 << 20)) HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /api/v1/workflows/%00%ff%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n",
            ])
        func refusesBadHTTP(text: String) async throws {
            try await withAPI { api in
                let reply = try? await RawHTTP.send(port: api.port, Array(text.utf8))
                if let reply { #expect((400..<500).contains(reply.status)) }
                let after = try await api.get("/api/v1/workflows")
                #expect(after.status == 200)
            }
        }

        @Test("A body that never comes is waited for only so long")
        func refusesSlowBodies() async throws {
            try await withAPI(maxBodySeconds: 1) { api in
                let head =
                    "POST /api/v1/workflows HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(api.token)\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"type\""
                let reply = try await RawHTTP.send(port: api.port, Array(head.utf8))
                #expect(reply.status == 408)
                #expect(reply.headers["connection"] == "close")
                let after = try await api.get("/api/v1/workflows")
                #expect(after.status == 200)
            }
        }

        @Test("The same key and body give the same workflow; another body is refused")
        func isIdempotent() async throws {
            try await withAPI { api in
                let body: JSONValue = ["type": "chain", "name": "once", "idempotency_key": "k-1"]
                let first = try await api.post("/api/v1/workflows", body)
                #expect(first.status == 201)
                let again = try await api.post(
                    "/api/v1/workflows", ["name": "once", "idempotency_key": "k-1", "type": "chain"])
                #expect(again.status == 200)
                #expect(again.json["id"] == first.json["id"])
                let byHeader = try await api.post(
                    "/api/v1/workflows", ["type": "chain", "name": "once"], headers: ["Idempotency-Key": "k-1"])
                #expect(byHeader.status == 200)
                #expect(byHeader.json["id"] == first.json["id"])
                let other = try await api.post(
                    "/api/v1/workflows", ["type": "chain", "name": "twice", "idempotency_key": "k-1"])
                #expect(other.status == 422)
                #expect(other.json["workflow_id"] == first.json["id"])
                let both = try await api.post("/api/v1/workflows", body, headers: ["Idempotency-Key": "k-2"])
                #expect(both.status == 422, "two keys that differ")
                #expect(try await api.get("/api/v1/workflows").json["items"]?.arrayValue?.count == 1)
            }
        }

        @Test("Without the record a request is refused as unavailable, with a time to come back")
        func recordAway() async throws {
            try await withAPI { api in
                await api.pool.close()
                let reply = try await api.get("/api/v1/workflows")
                #expect(reply.status == 503)
                #expect(reply.headers["retry-after"] != nil)
                #expect(try await api.get("/health/live").status == 200)
                let ready = try await api.get("/health/ready")
                #expect(ready.status == 503)
                #expect(ready.json["checks"]?["postgresql"] == "down")
            }
        }
    }
}
