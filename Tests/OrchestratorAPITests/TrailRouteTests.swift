import AgentProtocol
import Foundation
import JSONTools
import ServiceLifecycle
import Testing

extension OverTheWire {
    @Suite("Tasks, events, logs, artifacts")
    struct TrailRoutes {
        @Test("A stream gives every event once, in order, and ends after the workflow; it resumes where it broke")
        func streamsEvents() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                let path = "/api/v1/workflows/\(id)/events?stream=true"
                async let watching = api.get(path)
                try await api.work(as: "scaffold")
                try await api.work(as: "validation")
                let reply = try await watching
                #expect(reply.headers["content-type"] == "text/event-stream; charset=utf-8")
                let events = reply.events
                let last = try #require(events.last)
                #expect(last.kind == "end")
                #expect(last.id == nil)
                #expect(last.data["status"] == "completed")
                let ids = events.dropLast().compactMap(\.id)
                #expect(ids == Array(1...ids.count), "no gap, nothing twice")
                #expect(events.first?.kind == "workflow_created")
                #expect(events.dropLast().last?.kind == "workflow_completed")
                let resumed = try await api.get(path, headers: ["Last-Event-ID": "3"]).events
                #expect(resumed.first?.id == 4)
                #expect(resumed.count == events.count - 3)
                let after = try await api.get(path + "&after=\(ids.count)").events
                #expect(after.map(\.kind) == ["end"])
                let page = try await api.get("/api/v1/workflows/\(id)/events?limit=2").json
                #expect(page["items"]?.arrayValue?.compactMap { $0["seq"]?.intValue } == [1, 2])
                #expect(page["next_cursor"] == "2")
                let next = try await api.get("/api/v1/workflows/\(id)/events?limit=1000&cursor=2").json
                #expect(next["items"]?[0]?["seq"] == 3)
                #expect(next["next_cursor"] == .null)
                #expect(try await api.get(path, headers: ["Last-Event-ID": "x"]).status == 400)
                #expect(try await api.get(path, headers: ["Last-Event-ID": ""]).status == 400)
            }
        }

        @Test("Log lines arrive on a stream while the workflow runs, and on pages by stage")
        func streamsLogs() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                async let watching = api.get("/api/v1/workflows/\(id)/logs?stream=true")
                try await api.work(as: "scaffold", log: "hello from the first")
                try await api.work(as: "validation", log: "hello from the second")
                let events = try await watching.events
                #expect(events.map(\.kind) == ["log", "log", "end"])
                #expect(
                    events.compactMap { $0.data["text"]?.stringValue }
                        == ["hello from the first", "hello from the second"])
                let lines = try await api.get("/api/v1/workflows/\(id)/logs?stage=second").json["items"]
                #expect(lines?.arrayValue?.count == 1)
                #expect(lines?[0]?["level"] == "info")
                #expect(lines?[0]?["stream"] == "stdout")
                #expect(lines?[0]?["n"] == 1)
                #expect(lines?[0]?["id"]?.intValue == events[1].id)
            }
        }

        @Test("A stream ends when the orchestrator shuts down")
        func streamsEndAtShutdown() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                async let watching = api.get("/api/v1/workflows/\(id)/events?stream=true")
                // One request that was answered after the stream began shows that the stream is open.
                _ = try await api.get("/api/v1/workflows/\(id)/events") { $0["items"]?.arrayValue?.isEmpty == false }
                await api.group.triggerGracefulShutdown()
                let events = try await watching.events
                #expect(!events.contains { $0.kind == "end" }, "the workflow has not ended")
            }
        }

        @Test("Every attempt is listed with its marks, and a task with all its attempts")
        func listsTasks() async throws {
            try await withAPI { api in
                let id = try await api.createdID()
                try await api.work(as: "scaffold")
                try await api.work(as: "validation")
                _ = try await api.get("/api/v1/workflows/\(id)") { $0["status"] == "completed" }
                let tasks = try await api.get("/api/v1/workflows/\(id)/tasks").json["items"]?.arrayValue ?? []
                #expect(tasks.map { $0["stage"] } == ["first", "second"])
                #expect(tasks.map { $0["status"] } == ["succeeded", "succeeded"])
                let first = try #require(tasks.first)
                #expect(first["agent_id"] == "scaffold-00000001")
                #expect(first["dispatch_id"]?.stringValue?.count == 16)
                #expect(first["error_code"] == .null)
                let taskID = try #require(first["task_id"]?.stringValue)
                let task = try await api.get("/api/v1/tasks/\(taskID)").json
                #expect(task["workflow_id"]?.stringValue == id)
                #expect(task["attempts"]?.arrayValue?.count == 1)
            }
        }

        @Test("A stored file comes with its type, is never rendered as a page of ours, and nothing else is reachable")
        func servesArtifacts() async throws {
            try await withAPI { api in
                let page = Array("<script>alert(1)</script>".utf8)
                let hash = SHA256Digest.hex(of: page)
                let folder = "\(api.dataDirectory)/artifacts/\(hash.prefix(2))"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Data(page).write(to: URL(fileURLWithPath: "\(folder)/\(hash)"))
                let id = try await api.createdID()
                let path = "/api/v1/artifacts/\(hash)"
                #expect(try await api.get(path).status == 404, "no workflow has it")
                try await api.work(
                    as: "scaffold",
                    artifacts: [
                        ArtifactReference(
                            name: "report \"x\".html", type: "text/html", sizeBytes: page.count, sha256: hash,
                            label: "the report")
                    ])
                let items = try await api.get("/api/v1/workflows/\(id)/artifacts") {
                    $0["items"]?.arrayValue?.isEmpty == false
                }
                #expect(items["items"]?[0]?["sha256"]?.stringValue == hash)
                #expect(items["items"]?[0]?["label"] == "the report")
                let reply = try await api.get(path)
                #expect(reply.status == 200)
                #expect(reply.body == page)
                #expect(reply.headers["content-type"] == "text/html; charset=utf-8")
                #expect(reply.headers["x-content-type-options"] == "nosniff")
                #expect(reply.headers["content-disposition"] == "attachment; filename=\"report__x_.html\"")
                #expect(reply.headers["content-security-policy"]?.contains("sandbox") == true)
                let part = try await api.get(path, headers: ["Range": "bytes=1-6"])
                #expect(part.status == 206)
                #expect(part.text == "script")
                #expect(part.headers["content-range"] == "bytes 1-6/\(page.count)")
                #expect(try await api.get(path, headers: ["Range": "bytes=99-"]).status == 416)
                for bad in [
                    "..", "%2e%2e%2fadmin-token", hash.uppercased(), hash + "0", "../../admin-token",
                    String(repeating: "0", count: 64),
                ] {
                    #expect(try await api.get("/api/v1/artifacts/\(bad)").status == 404, "\(bad)")
                }
                try FileManager.default.removeItem(atPath: "\(folder)/\(hash)")
                try FileManager.default.createSymbolicLink(
                    atPath: "\(folder)/\(hash)", withDestinationPath: "\(api.dataDirectory)/admin-token")
                #expect(try await api.get(path).status == 404, "a link is not followed")
            }
        }
    }
}
