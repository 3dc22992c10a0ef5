import JSONTools
import ProjectTools
import Testing

@testable import E2EAgent

@Suite("E2EPlan")
struct E2EPlanTests {
    static func plan(_ section: JSONValue) throws -> E2EPlan {
        try E2EPlan(try ProjectManifest(json: ["version": 1, "name": "x", "e2e": section]))
    }

    @Test("a manifest without the section has an empty plan")
    func absent() throws {
        #expect(try E2EPlan(try ProjectManifest(json: ["version": 1, "name": "x"])) == E2EPlan())
    }

    @Test("pages, endpoints and scenarios are read with their defaults")
    func complete() throws {
        let plan = try Self.plan([
            "pages": ["/hidden"], "ignore": ["/logout"],
            "endpoints": [
                ["path": "/api/calculate?expression=7*6", "json": ["result": 42]],
                ["method": "POST", "path": "/api/items", "body": ["title": "x"], "status": 201, "text": "x"],
            ],
            "scenarios": [
                [
                    "name": "multiplies",
                    "steps": [["goto": "/"], ["fill": "#a", "value": ""], ["press": "Enter", "on": "#a"]],
                ],
                ["name": "refuses", "allow_errors": true, "steps": [["expect_count": "li", "value": 0]]],
            ],
        ])
        #expect(plan.pages == ["/hidden"])
        #expect(plan.ignore == ["/logout"])
        #expect(plan.endpoints.map(\.method) == ["GET", "POST"])
        #expect(plan.endpoints.map(\.status) == [200, 201])
        #expect(plan.endpoints[0].json == ["result": 42])
        #expect(plan.scenarios.map(\.allowsErrors) == [false, true])
        #expect(plan.scenarios[0].steps.map(\.verb) == [.goto, .fill, .press])
        #expect(plan.scenarios[0].steps[2].place == "#a")
    }

    @Test(
        "what is wrong is refused with its place",
        arguments: [
            ([], "/e2e"),
            (["page": ["/"]], "/e2e/page"),
            (["pages": ["about"]], "/e2e/pages/0"),
            (["pages": ["//evil.example/"]], "/e2e/pages/0"),
            (["endpoints": [["path": "/", "status": 700]]], "/e2e/endpoints/0/status"),
            (["endpoints": [["path": "/", "method": "get"]]], "/e2e/endpoints/0/method"),
            (["endpoints": [["method": "GET"]]], "/e2e/endpoints/0/path"),
            (["scenarios": [["name": "x", "steps": []]]], "/e2e/scenarios/0/steps"),
            (["scenarios": [["steps": [["goto": "/"]]]]], "/e2e/scenarios/0/name"),
            (["scenarios": [["name": "x", "steps": [["jump": "/"]]]]], "/e2e/scenarios/0/steps/0"),
            (["scenarios": [["name": "x", "steps": [["click": "#a", "goto": "/"]]]]], "/e2e/scenarios/0/steps/0"),
            (["scenarios": [["name": "x", "steps": [["fill": "#a"]]]]], "/e2e/scenarios/0/steps/0/value"),
            (
                ["scenarios": [["name": "x", "steps": [["click": "#a", "value": "b"]]]]],
                "/e2e/scenarios/0/steps/0/value"
            ),
            (
                ["scenarios": [["name": "x", "steps": [["goto": "https://evil.example"]]]]],
                "/e2e/scenarios/0/steps/0/goto"
            ),
            (
                ["scenarios": [["name": "x", "steps": [["goto": "/"]]], ["name": "x", "steps": [["goto": "/"]]]]],
                "/e2e/scenarios/1/name"
            ),
        ] as [(JSONValue, String)]
    )
    func refusals(section: JSONValue, pointer: String) {
        let error = #expect(throws: ManifestError.self) { try Self.plan(section) }
        #expect(error?.pointer == pointer)
    }

    @Test("every verb has a statement of its own", arguments: E2EStep.Verb.allCases)
    func statements(verb: E2EStep.Verb) {
        let statement = TestGenerator.statement(E2EStep(verb: verb, subject: "S", value: "V"))
        #expect(statement.contains(#""S""#))
        #expect(statement.hasPrefix(verb.rawValue.hasPrefix("expect") ? "expect(page" : "page."))
    }
}
