import ProjectTools
import Testing

@Suite("OpenAPI documents")
struct APIDescriptionTests {
    static let yaml = """
        openapi: 3.1.0
        servers: [{ url: "http://localhost:3000/api/" }]
        paths:
          /tasks/{id}:
            parameters:
              - $ref: "#/components/parameters/id"
            get:
              responses:
                200: { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Task" } } } }
            put:
              requestBody:
                required: true
                content: { application/json: { schema: { $ref: "#/components/schemas/Task" }, example: { title: x } } }
              responses: { "204": { description: none } }
        components:
          parameters:
            id: { name: id, in: path, required: true, schema: { type: integer } }
          schemas:
            Task:
              allOf:
                - { type: object, required: [title], properties: { title: { type: string } } }
                - { properties: { state: { enum: [open, done] }, at: { type: [string, "null"] } } }

        """

    @Test("operations with parameters, bodies and responses, resolved, and with their lines")
    func operations() throws {
        let api = try APIDescription(parsing: Self.yaml)
        #expect(api.basePath == "/api")
        #expect(api.operations.map(\.name) == ["GET /tasks/{id}", "PUT /tasks/{id}"])
        #expect(api.operations.map(\.line) == [7, 10])
        #expect(api.operations[0].parameters.map(\.name) == ["id"])
        #expect(api.operations[1].needsBody)
        #expect(api.operations[1].requestBodies.first?.example?["title"]?.text == "x")
        let body = try #require(api.operations[0].responses.first?.bodies.first?.schema)
        let shape = api.shape(of: body)
        #expect(shape.properties.map(\.name) == ["title", "state", "at"])
        #expect(shape.required == ["title"] && shape.types == ["object"])
        #expect(api.shape(of: shape.properties[1].schema).choices == ["open", "done"])
        #expect(api.shape(of: shape.properties[2].schema).types == ["string", "null"])
    }

    @Test("JSON is read with its lines, too; other documents, aliases and bottomless ones are refused")
    func refused() throws {
        let api = try APIDescription(parsing: "{\"openapi\": \"3.0.3\",\n\"paths\": {\n\"/a\": {\n\"get\": {}}}}")
        #expect(api.operations.map(\.line) == [4])
        let deep = String(repeating: "[", count: 200_000)
        let dashes = String(repeating: "- ", count: 200_000)
        for text in ["", "swagger: '2.0'", "a: &x 1\nb: *x", deep, dashes, "{", "openapi: 2"] {
            #expect(throws: LocatedValue.ParsingError.self, "\(text.prefix(20))") { try APIDescription(parsing: text) }
        }
        let circle = "openapi: 3.0.0\npaths: { /a: { $ref: '#/paths/~1a' } }"
        #expect(try APIDescription(parsing: circle).operations.isEmpty)
    }

    @Test("documents are known by their names")
    func names() {
        #expect(["openapi.yaml", "docs/swagger.json", "shop.openapi.yml"].allSatisfy(APIDescription.isName))
        #expect(!["openapi.ts", "package.json", "myopenapi.yaml"].contains(where: APIDescription.isName))
    }
}
