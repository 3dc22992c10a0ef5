import AgentProtocol
import AgentTestSupport
import JSONTools
import ProjectTools
import Testing

@testable import E2EAgent

@Suite("what an OpenAPI document tells to ask", .serialized)
struct APIPlanTests {
    static let document = """
        openapi: 3.0.3
        paths:
          /health: { get: { responses: { "200": { description: ok, content: { text/plain: {} } } } } }
          /events: { get: { responses: { "200": { content: { text/event-stream: {} } } } } }
          /search:
            get: { parameters: [{ name: q, in: query, required: true, schema: { type: string } }], responses: {} }
          /logout: { get: { responses: {} } }
          /api/items:
            get: { responses: { "200": { content: { application/json: {} } } } }
            post:
              requestBody: { content: { application/json: { schema: { $ref: "#/components/schemas/Input" } } } }
              responses: { "201": { content: { application/json: { schema: { $ref: "#/components/schemas/Item" } } } } }
          /api/items/{id}:
            parameters: [{ name: id, in: path, required: true, schema: { type: integer } }]
            get: { responses: { "200": { content: { application/json: {} } }, "404": {} } }
            put:
              requestBody: { content: { application/json: { schema: { $ref: "#/components/schemas/Input" } } } }
              responses: { "200": {} }
            delete: { responses: { "204": {} } }
        components:
          schemas:
            Input:
              type: object
              required: [title, due, count]
              properties:
                title: { type: string, minLength: 8 }
                due: { type: string, format: date }
                count: { type: integer, minimum: 3 }
                note: { type: string }
            Item: { properties: { id: { type: integer } } }

        """

    @Test(
        "GETs that need nothing are asked, and what can be made, read and deleted is; streams and ignored paths aren't")
    func plan() throws {
        let plan = APIPlan(try APIDescription(parsing: Self.document), ignoring: ["/logout"])
        #expect(plan.probes.map(\.path) == ["/health", "/api/items"])
        #expect(plan.probes[0].answers == [.init(status: "200", types: ["text/plain"])])
        let trip = try #require(plan.roundTrips.first)
        #expect(plan.roundTrips.count == 1)
        #expect(trip.body == ["title": "Samplexx", "due": "2026-01-31", "count": 3])
        #expect(trip.item == "/api/items/{}" && trip.key == "id" && trip.saysMissing)
        #expect(trip.created == ["201"] && trip.replaced == ["200"] && trip.deleted == ["204"])
    }

    @Test("a value that only a person knows is not guessed")
    func samples() throws {
        func sample(_ schema: String) throws -> JSONValue? {
            let api = try APIDescription(parsing: "openapi: 3.0.0\ncomponents: { schemas: { X: \(schema) } }")
            let value = try #require(api.root["components"]?["schemas"]?["X"])
            return APIPlan.sample(value, api)
        }
        #expect(try sample("{ type: string, pattern: '^[a-z]+$' }") == nil)
        #expect(try sample("{ type: string, pattern: '^[a-z]+$', example: abc }") == "abc")
        #expect(try sample("{ oneOf: [{ type: string }] }") == nil)
        #expect(
            try sample("{ type: object, required: [x], properties: { x: { type: string, format: binary } } }") == nil)
        #expect(try sample("{ type: object, required: [x], properties: {} }") == nil)
        #expect(try sample("{ type: [string, 'null'], maxLength: 3 }") == "Sam")
        #expect(try sample("{ type: array, minItems: 2, items: { enum: [a, b] } }") == ["a", "a"])
        #expect(try sample("{ type: number, exclusiveMinimum: 4, multipleOf: 2.5 }") == 5)
        #expect(
            try sample("{ type: object, required: [x], properties: { x: { $ref: '#/components/schemas/X' } } }") == nil)
    }

    @Test("the tests of a document are Python, whatever it says")
    func generated() async throws {
        let hostile = "/a\\\"\"\"'''\\u0022"
        var plan = APIPlan(try APIDescription(parsing: Self.document))
        plan.probes.append(.init(path: hostile, answers: [.init(status: "2XX", types: ["\"\"\"\n"])]))
        let file = try #require(TestGenerator.openAPI(plan, place: "x\n\"\"\"\nimport os"))
        #expect(TestGenerator.openAPI(APIPlan(), place: "") == nil)
        try await Sandbox.with { sandbox in
            try sandbox.write(file.text, to: "test_openapi.py")
            let script =
                "import ast; print(len([n for n in ast.parse(open('test_openapi.py').read()).body if 'test_' in getattr(n, 'name', '')]))"
            let output = try await sandbox.run("python3", ["-c", script])
            #expect(output.text.trimmingPrefix(" ").hasPrefix("5"), "\(output.text)\(output.errorText)\n\(file.text)")
        }
    }

    @Test("slow pages are told by their fastest load, with figures")
    func slow() {
        var survey = BrowserSurvey(json: [
            "pages": [
                ["path": "/", "load_ms": 9000, "phone_load_ms": 200, "dark_load_ms": 300],
                ["path": "/slow", "load_ms": 9000, "phone_load_ms": 5200, "dark_load_ms": 7000, "first_byte_ms": 5100],
            ]
        ])
        survey.addSlowPages(over: 5000)
        #expect(
            survey.findings.map(\.message)
                == ["it took 5200 ms to load, the first byte after 5100 ms; the limit is 5000 ms"])
        #expect(survey.findings.first?.isError == false && survey.findings.first?.page == "/slow")
    }

    @Test(
        "an app is asked by the document that it serves; a button that listens and does nothing is told, others aren't")
    func stage() async throws {
        try await Sandbox.with { sandbox in
            let body = """
                <h1>Shop</h1><button id="inert">Pay now</button><button id="clear">Clear</button>
                <label>Text <input id="text"></label><button id="undo">Undo</button><button id="add">Add</button><p id="count">0</p>
                <script>
                let count = 0;
                const show = () => { document.getElementById("count").textContent = count; };
                document.getElementById("inert").onclick = () => { const paid = true; };
                document.getElementById("clear").onclick = () => { document.getElementById("text").value = ""; };
                document.getElementById("undo").onclick = () => { if (count > 0) { count -= 1; show(); } };
                document.getElementById("add").onclick = () => { count += 1; show(); };
                </script>
                """
            var files = TinyApp.files(body: body)
            let paths = """
                {"openapi": "3.0.0", "paths": {
                  "/version": {"get": {"responses": {"200": {"content": {"application/json": {}}}}}},
                  "/health": {"get": {"responses": {"200": {"content": {"text/plain": {}}}}}}}}
                """
            files["server.js"] = files["server.js"]??.replacing(
                "send(404,",
                with:
                    "if (url.pathname === '/openapi.json') return send(200, 'application/json', `\(paths)`); send(404,")
            let commit = try await sandbox.commit(files, to: "work", in: sandbox.path + "/project.git")
            let result = try await sandbox.run(
                sandbox.task(
                    "e2e_testing", repository: sandbox.path + "/project.git", commit: commit,
                    timeoutMilliseconds: 300_000),
                type: "e2e", actions: [E2ETestingAction()],
                environment: ["BATON_PYTHON": try await PythonForTests.path()])
            // The document says JSON, and the app answers text.
            #expect(result.output["tests"]?["failed"] == 1, "\(result.output)")
            #expect(
                result.errors.contains { $0.message.contains("content type text/plain, described are") },
                "\(result.errors)")
            let inert = (result.output["findings"]?.arrayValue ?? []).filter { $0["kind"] == "inert_button" }
            #expect(inert.count == 1, "\(inert)")
            #expect(inert.first?["message"]?.stringValue?.contains("\"Pay now\" (#inert)") == true)
            #expect(inert.first?["severity"] == "warning")
            #expect(result.artifacts.contains { $0.name == "index-inert-button-1.png" })
        }
    }
}
