import Foundation
import JSONTools
import Logging
import OrchestratorAPI
import ServiceLifecycle
import Testing
import WorkflowStorage

extension OverTheWire {
    @Suite("Who is let in")
    struct Access {
        @Test("Only a valid token lets in; health needs none, its details do")
        func tokens() async throws {
            try await withAPI { api in
                for header in [
                    nil, "Bearer wrong", "Bearer", "Basic \(api.token)", "Bearer \(api.token)x", "Bearer a b",
                ] {
                    let headers = header.map { ["Authorization": $0] } ?? [:]
                    let reply = try await api.send("GET", "/api/v1/workflows", headers: headers, token: nil)
                    #expect(reply.status == 401, "\(header ?? "no header")")
                    #expect(reply.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
                    #expect(reply.headers["content-type"] == "application/problem+json")
                }
                _ = try await api.get("/health/ready") { $0["status"] == "ok" }
                for path in ["/health", "/health/live", "/health/ready", "/api/v1/health/ready"] {
                    #expect(try await api.send("GET", path, token: nil).status == 200, "\(path)")
                }
                #expect(try await api.send("GET", "/health/detailed", token: nil).status == 401)
                _ = try await api.create()
                let details = try await api.get("/health/detailed").json
                #expect(details["checks"]?["postgresql"]?["status"] == "up")
                #expect(details["checks"]?["redis"]?["status"] == "up")
                #expect(details["workflows"]?.objectValue?.count == 1)
            }
        }

        @Test("A viewer may look and not touch; a revoked token is refused")
        func roles() async throws {
            try await withAPI { api in
                let secret = "a-viewers-secret-that-is-long-enough"
                let hash = SHA256Digest.hex(of: Array(secret.utf8))
                try await api.store.keep(TokenRow(hash: hash, name: "vera", role: "viewer", tenant: "default"))
                let id = try await api.createdID()
                #expect(try await api.send("GET", "/api/v1/workflows/\(id)", token: secret).status == 200)
                let cancel = try await api.send("POST", "/api/v1/workflows/\(id)/cancel", token: secret)
                #expect(cancel.status == 403)
                let elsewhere = "another-tenants-secret-that-is-long"
                try await api.store.keep(
                    TokenRow(
                        hash: SHA256Digest.hex(of: Array(elsewhere.utf8)), name: "tom", role: "admin", tenant: "other"))
                #expect(try await api.send("GET", "/api/v1/workflows/\(id)", token: elsewhere).status == 404)
                #expect(try await api.send("GET", "/api/v1/workflows", token: elsewhere).json["items"] == [])
            }
        }

        @Test("The admin token lies in the data directory, for its owner only, and is kept at the next start")
        func adminToken() async throws {
            try await withAPI { api in
                let path = api.dataDirectory + "/admin-token"
                let facts = try FileManager.default.attributesOfItem(atPath: path)
                #expect((facts[.posixPermissions] as? NSNumber)?.intValue == 0o600)
                #expect(api.token.utf8.count == 43, "32 bytes in base64url")
                let files = try FileManager.default.contentsOfDirectory(atPath: api.dataDirectory)
                #expect(files.filter { $0.hasPrefix("admin-token") } == ["admin-token"], "no draft is left")
                try await withSecondAPI(beside: api, port: 0) { port in
                    let reply = try await RawHTTP.send(
                        port: port,
                        Array(
                            "GET /api/v1/agents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(api.token)\r\n\r\n".utf8)
                    )
                    #expect(reply.status == 200)
                }
            }
        }

        @Test("A taken port is a clear error")
        func takenPort() async throws {
            try await withAPI { api in
                let error = await #expect(throws: APIStartError.self) {
                    try await withSecondAPI(beside: api, port: api.port) { _ in }
                }
                #expect(error?.description.contains("another process listens there") == true)
                #expect(error?.description.contains("BATON_PORT") == true)
            }
        }

        /// Runs another API on the same record and data directory.
        private func withSecondAPI(
            beside api: APIFixture, port: Int, _ body: @escaping @Sendable (Int) async throws -> Void
        ) async throws {
            let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
            let second = OrchestratorHTTP(
                orchestrator: api.orchestrator, pool: api.pool, isRedisUp: { true },
                settings: OrchestratorHTTP.Settings(
                    host: "127.0.0.1", port: port, dataDirectory: api.dataDirectory, version: "test"),
                logger: .init(label: "second") { _ in SilentHandler() }, onListening: { continuation.yield($0) })
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [.init(service: second)], logger: .init(label: "group") { _ in SilentHandler() }))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    defer { continuation.finish() }
                    try await group.run()
                }
                tasks.addTask {
                    for await port in ports {
                        defer { continuation.finish() }
                        try await body(port)
                    }
                    await group.triggerGracefulShutdown()
                }
                try await tasks.waitForAll()
            }
        }
    }
}
