import AgentProtocol
import Foundation
import JSONTools
import Testing
import WorkflowStorage

@testable import OrchestratorAPI

extension OverTheWire {
    @Suite("Pages of every list")
    struct Paging {
        @Test("Page by page comes what comes at once, in the same order; a cursor of something else is refused")
        func pages() async throws {
            try await withAPI { api in
                for type in ["scaffold", "validation", "e2e"] { try await api.register(type) }
                for name in ["alpha", "beta", "gamma"] {
                    let text = "name: \(name)\nstages:\n  - {name: one, agent: scaffold, workspace: none}\n"
                    let reply = try await api.send(
                        "POST", "/api/v1/definitions", body: Array(text.utf8),
                        headers: ["Content-Type": "application/yaml"], token: api.token)
                    #expect(reply.status == 201)
                }
                for number in 0..<3 {
                    let text = "name: alpha\nstages:\n  - {name: s\(number), agent: scaffold, workspace: none}\n"
                    _ = try await api.send(
                        "PUT", "/api/v1/definitions/alpha", body: Array(text.utf8),
                        headers: ["Content-Type": "application/yaml"], token: api.token)
                    _ = try await api.post(
                        "/api/v1/tokens", ["name": .string("token-\(number)"), "role": "viewer"])
                }
                let id = try await api.createdID()
                for type in ["scaffold", "validation"] {
                    try await api.work(
                        as: type,
                        artifacts: ["a", "b"].map { name in
                            ArtifactReference(
                                name: name, type: "text/plain", sizeBytes: 1,
                                sha256: String(repeating: name, count: 64), label: nil)
                        })
                }
                _ = try await api.get("/api/v1/workflows/\(id)") { $0["status"] == "completed" }
                _ = try await api.get("/api/v1/agents") { $0["items"]?.arrayValue?.count == 3 }
                let lists = [
                    ("/api/v1/agents", "agent_id", 3), ("/api/v1/definitions", "name", 4),
                    ("/api/v1/definitions/alpha/versions", "version", 4), ("/api/v1/tokens", "name", 4),
                    ("/api/v1/workflows/\(id)/tasks", "task_id", 2),
                    ("/api/v1/workflows/\(id)/artifacts", "name", 4), ("/api/v1/audit", "id", 10),
                    ("/api/v1/workflows?priority=medium", "id", 1), ("/api/v1/tasks?agent_type=scaffold", "task_id", 1),
                ]
                for (path, field, count) in lists {
                    let whole = try await api.get(path).json["items"]?.arrayValue?.compactMap { $0[field] } ?? []
                    #expect(whole.count == count, "\(path)")
                    for limit in [1, 2] {
                        var found: [JSONValue] = []
                        var cursor: String?
                        repeat {
                            let mark = path.contains("?") ? "&" : "?"
                            let reply = try await api.get(
                                "\(path)\(mark)limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? ""))
                            let items = reply.json["items"]?.arrayValue ?? []
                            #expect(reply.status == 200 && items.count <= limit, "\(path): \(reply.text)")
                            found += items.compactMap { $0[field] }
                            cursor = reply.json["next_cursor"]?.stringValue
                        } while cursor != nil && found.count <= count
                        #expect(found == whole, "\(path) by \(limit)")
                    }
                    let mark = path.contains("?") ? "&" : "?"
                    for bad in ["x", PageRequest.cursor(["a"]), PageRequest.cursor(["1", "2", "3", "4", "5"])]
                    where !(bad == PageRequest.cursor(["a"]) && path == "/api/v1/definitions") {
                        #expect(try await api.get("\(path)\(mark)cursor=\(bad)").status == 400, "\(path) \(bad)")
                    }
                }
                for (query, count) in [
                    ("type=e2e", 1), ("status=running", 3), ("status=stopped", 0), ("status=silent", 0),
                ] {
                    let items = try await api.get("/api/v1/agents?\(query)").json["items"]?.arrayValue
                    #expect(items?.count == count, "\(query)")
                }
            }
        }

        @Test("A definition is replaced only while it is the one that was seen (If-Match)")
        func ifMatch() async throws {
            try await withAPI { api in
                func put(_ stage: String, _ headers: [String: String]) async throws -> Reply {
                    let text = "name: chain\nstages:\n  - {name: \(stage), agent: scaffold, workspace: none}\n"
                    return try await api.send(
                        "PUT", "/api/v1/definitions/chain", body: Array(text.utf8),
                        headers: headers.merging(["Content-Type": "application/yaml"]) { $1 }, token: api.token)
                }
                let tag = try #require(try await api.get("/api/v1/definitions/chain").headers["etag"])
                #expect(try await put("first", ["If-Match": tag]).status == 201)
                let refused = try await put("second", ["If-Match": tag])
                #expect(refused.status == 412)
                #expect(refused.json["version"] == 2)
                let file = api.dataDirectory + "/definitions/chain.yaml"
                #expect(try String(contentsOfFile: file, encoding: .utf8).contains("first"))
                #expect(try await put("third", [:]).status == 201)
            }
        }

        @Test("Many who keep a definition at once: the file and the newest version agree in the end")
        func keepsOneAtATime() async throws {
            try await withAPI { api in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<12 {
                        group.addTask {
                            let text = "name: mine\nstages:\n  - {name: s\(number), agent: scaffold, workspace: none}\n"
                            return try await api.send(
                                "POST", "/api/v1/definitions", body: Array(text.utf8),
                                headers: ["Content-Type": "application/yaml"], token: api.token
                            ).status
                        }
                    }
                    for try await status in group { #expect(status == 201) }
                }
                let newest = try await api.get("/api/v1/definitions/mine").json
                #expect(newest["version"] == 12)
                let file = try String(contentsOfFile: api.dataDirectory + "/definitions/mine.yaml", encoding: .utf8)
                #expect(newest["source"]?.stringValue == file)
            }
        }
    }
}
