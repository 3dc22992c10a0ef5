import AgentRuntime
import JSONTools
import Testing

@testable import ScaffoldAgent

@Suite("entities")
struct EntityTests {
    /// Every type of field, and names that are words of SQL, Python and JavaScript.
    static let given: JSONValue = [
        [
            "name": "task",
            "fields": [
                "title": "string", "done": "bool", "due": "date", "priority": ["low", "normal", "high"],
                "notes": "text",
            ],
        ],
        [
            "name": "Order line", "plural": "select",
            "fields": [
                "from": "email", "class": "url", "count": "int", "price": "decimal", "when": "datetime",
                "group": ["type": "string", "required": true],
            ],
        ],
    ]

    @Test("structured input becomes models, with names that are good for code, paths and people")
    func models() throws {
        let models = try EntityRequest.models(Self.given)
        #expect(models.map(\.name) == ["task", "order_line"] && models.map(\.plural) == ["tasks", "select"])
        #expect(models.map(\.label) == ["Task", "Order line"])
        #expect(models[0].fields.map(\.kind) == [.string, .bool, .date, .choice, .text])
        #expect(models[0].fields.filter(\.isRequired).map(\.name) == ["title"], "a record needs what it is shown by")
        #expect(models[1].fields.filter(\.isRequired).map(\.name) == ["group"], "unless the input says otherwise")
        #expect(models[0].fields[3].choices == ["low", "normal", "high"])
        for model in models { #expect(EntityModel(json: .object(model.json)) == model) }
        let plain = try EntityRequest.models(["note"])
        #expect(plain[0].fields == EntityRequest.plainFields)
        let listed = try EntityRequest.models([["name": "note", "fields": ["b", ["name": "a", "type": "int"]]]])
        #expect(listed[0].fields.map(\.name) == ["b", "a"] && listed[0].fields[1].kind == .int)
    }

    static let wrong: [(JSONValue, String)] = [
        ("task", "a list of at most 20"), ([7], "entities[0].name"),
        ([["name": "日本"]], "entities[0].name"), (["task", "tasks"], "entities[1].name"),
        ([["name": "a", "feilds": [:]]], "only name, plural and fields"),
        ([["name": "a", "fields": [:]]], "1 to 30 fields"), ([["name": "a", "fields": ["id": "int"]]], "none of id"),
        ([["name": "a", "fields": ["x": "strng"]]], "did you mean string?"),
        ([["name": "a", "fields": ["x": []]]], "1 to 50 different choices"),
        ([["name": "a", "fields": ["x": ["a", "a"]]]], "different"),
        ([["name": "a", "fields": ["x": ["<b>"]]]], "letters and digits"),
        ([["name": "a", "fields": ["x": ["type": "int", "requierd": true]]]], "only type, required and choices"),
        ([["name": "a", "fields": ["x": ["type": "int", "required": 1]]]], "true or false"),
        ([["name": "a", "fields": ["first name": "string", "firstName": "string"]]], "no other field"),
    ]

    @Test("what can't be a model is refused with its place", arguments: wrong)
    func refused(value: JSONValue, message: String) throws {
        let failure = #expect(throws: ActionFailure.self) { try EntityRequest.models(value) }
        #expect(failure?.code == "INVALID_INPUT")
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
    }

    @Test(
        "plurals and singulars",
        arguments: [
            ("task", "tasks"), ("category", "categories"), ("day", "days"), ("box", "boxes"), ("person", "people"),
            ("contact_person", "contact_people"), ("dish", "dishes"), ("movie", "movies"), ("class", "classes"),
        ])
    func plurals(singular: String, plural: String) {
        #expect(EntityModel.plural(of: singular) == plural)
        if !singular.contains("_") { #expect(EntityModel.singular(of: plural) == singular) }
        #expect(EntityModel.singular(of: singular) == singular)
    }

    @Test("the OpenAPI file names every path, field and limit")
    func openAPI() throws {
        let document = JSONValue.object(
            OpenAPIDocument.json(title: "T", entities: try EntityRequest.models(Self.given)))
        #expect(
            document["paths"]?.objectValue?.keys.sorted() == [
                "/api/select", "/api/select/{id}", "/api/tasks", "/api/tasks/{id}", "/health",
            ])
        let schemas = document["components"]?["schemas"]
        let input = schemas?["TaskInput"]
        #expect(input?["required"] == ["title"])
        #expect(input?["properties"]?["title"] == ["type": "string", "maxLength": 200, "minLength": 1])
        #expect(input?["properties"]?["due"] == ["type": ["string", "null"], "format": "date"])
        #expect(input?["properties"]?["priority"]?["enum"] == ["low", "normal", "high", nil])
        #expect(schemas?["OrderLine"]?["properties"]?.objectValue?.keys.contains("created_at") == true)
        // Every reference leads somewhere.
        for part in document.description.split(separator: "#/components/schemas/").dropFirst() {
            let name = String(part.prefix { $0 != "\"" })
            #expect(schemas?[name] != nil, "\(name)")
        }
    }
}
