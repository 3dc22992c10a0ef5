import Foundation
import JSONTools
import OrchestratorEngine
import PostgresDriver
import Testing
import WorkflowDefinitions
import WorkflowStorage

extension OverTheWire {
    @Suite("Definitions and dead letters")
    struct CatalogueRoutes {
        @Test("Definitions are listed, shown by version, and suggested when the name is nearly right")
        func definitions() async throws {
            try await withAPI { api in
                let second = APIFixture.chain.replacing("two stages for tests", with: "the second version")
                _ = try await api.orchestrator.definitions.store(
                    DefinitionParser.parse(text: second, fileName: "chain.yaml"), source: second)
                let items = try await api.get("/api/v1/definitions") { $0["items"]?[0]?["version"] == 2 }
                #expect(items["items"]?[0]?["stage_count"] == 2)
                let newest = try await api.get("/api/v1/definitions/chain").json
                #expect(newest["description"] == "the second version")
                #expect(newest["stages"]?[0]?["agent"] == "scaffold")
                let first = try await api.get("/api/v1/definitions/chain?version=1").json
                #expect(first["description"] == "two stages for tests")
                #expect(try await api.get("/api/v1/definitions/chain?version=9").status == 404)
                #expect(try await api.get("/api/v1/definitions/chian").text.contains("did you mean 'chain'?"))
            }
        }

        @Test("A definition is checked without being stored; faults come with line and column")
        func validates() async throws {
            try await withAPI { api in
                let path = "/api/v1/definitions/validate"
                func check(_ text: String, _ type: String = "application/yaml") async throws -> Reply {
                    try await api.send(
                        "POST", path, body: Array(text.utf8), headers: ["Content-Type": type], token: api.token)
                }
                let good = try await check(APIFixture.chain)
                #expect(good.json["valid"] == true)
                #expect(good.json["name"] == "chain")
                let bad = try await check("name: x\nstages:\n  - {name: one, agnet: scaffold}\n")
                #expect(bad.status == 200)
                #expect(bad.json["valid"] == false)
                #expect(bad.json["errors"]?.arrayValue?.contains { $0["line"] == 3 } == true)
                #expect(bad.text.contains("agent"))
                #expect(try await check("{\"name\": \"x\"", "application/json").json["valid"] == false)
                #expect(try await check("x", "image/png").status == 415)
                #expect(try await api.get("/api/v1/definitions").json["items"]?.arrayValue?.count == 1)
            }
        }
    }
}
