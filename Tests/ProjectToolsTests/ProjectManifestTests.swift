import JSONTools
import ProjectTools
import Testing

@Suite("ProjectManifest")
struct ProjectManifestTests {
    static let complete: JSONValue = [
        "version": 1, "name": "calculator", "stack": "node-web",
        "commands": ["install": [["npm", "ci"]], "start": [["node", "migrate.js"], ["node", "src/server.js"]]],
        "health": "/healthz", "reports": ["junit": "reports/junit.xml"], "e2e": ["pages": ["/"]],
    ]

    @Test("everything in a complete manifest is read")
    func complete() throws {
        let manifest = try ProjectManifest(json: Self.complete)
        #expect(manifest.name == "calculator")
        #expect(manifest.stack == "node-web")
        #expect(manifest.commands("start") == [["node", "migrate.js"], ["node", "src/server.js"]])
        #expect(manifest.commands("lint") == nil)
        #expect(manifest.health == "/healthz")
        #expect(manifest.reports == ["junit": "reports/junit.xml"])
        #expect(manifest.json["e2e"]?["pages"]?[0] == "/")
    }

    @Test("version and name are enough")
    func minimal() throws {
        let manifest = try ProjectManifest(json: ["version": 1, "name": "x"])
        #expect(manifest.health == "/health")
        #expect(manifest.commands.isEmpty)
    }

    @Test(
        "what is wrong is refused with its place",
        arguments: [
            ([1, 2], ""),
            (["name": "x"], "/version"),
            (["version": 2, "name": "x"], "/version"),
            (["version": 1], "/name"),
            (["version": 1, "name": ""], "/name"),
            (["version": 1, "name": "x", "stack": 7], "/stack"),
            (["version": 1, "name": "x", "health": "health"], "/health"),
            (["version": 1, "name": "x", "health": "//elsewhere/"], "/health"),
            (["version": 1, "name": "x", "health": "/a b"], "/health"),
            (["version": 1, "name": "x", "commands": []], "/commands"),
            (["version": 1, "name": "x", "commands": ["test": []]], "/commands/test"),
            (["version": 1, "name": "x", "commands": ["test": ["npm", "test"]]], "/commands/test/0"),
            (["version": 1, "name": "x", "commands": ["test": [["npm"], []]]], "/commands/test/1"),
            (["version": 1, "name": "x", "commands": ["test": [["npm", 1]]]], "/commands/test/0"),
            (["version": 1, "name": "x", "reports": ["junit": "../x.xml"]], "/reports/junit"),
            (["version": 1, "name": "x", "reports": ["junit": "/x.xml"]], "/reports/junit"),
        ] as [(JSONValue, String)]
    )
    func refusals(json: JSONValue, pointer: String) {
        let error = #expect(throws: ManifestError.self) { try ProjectManifest(json: json) }
        #expect(error?.code == .invalid)
        #expect(error?.pointer == pointer)
    }
}
