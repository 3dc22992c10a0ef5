import AgentProtocol
import AgentTestSupport
import JSONTools
import Testing

@testable import ScaffoldAgent

@Suite("entities from plain words")
struct EntityRulesTests {
    let catalog: TemplateCatalog

    init() throws { catalog = try .load(from: Sandbox.shareDirectory + "/templates") }

    func choose(_ requirements: String, name: String = "app", input: JSONObject = [:]) throws -> TemplateChoice {
        let context = WorkflowContext(
            workflowType: "app", workflowName: name, currentStage: "initialization", requirements: requirements,
            input: .object(input))
        return try catalog.choose(for: ProjectRequest(context, payload: [:]))
    }

    @Test(
        "a sentence names what is stored, with its fields",
        arguments: [
            (
                "a todo list with tasks that have a title and a due date", "node-web/records",
                ["task: title string, due_date date"]
            ),
            (
                "Manage customers (name, e-mail, phone number).", "node-web/records",
                ["customer: name string, e_mail email, phone_number string"]
            ),
            (
                "A Python service for books with title, author, year of printing and whether they are read",
                "python-service/records", ["book: title string, author string, year int, read bool"]
            ),
            (
                "We track machines. Each machine has a name, a description and a price in euros. Visits have a date and notes.",
                "node-web/records",
                ["machine: name string, description text, price number", "visit: date date, notes text"]
            ),
            (
                "An app with a list of people who have a name and a birthday", "node-web/records",
                ["person: name string, birthday date"]
            ),
            ("a todo list", "node-web/records", ["task: title string, done bool, due date"]),
            ("Ein Taschenrechner with keys that have a number", "node-web/calculator", []),
            ("Made with Go, with PostgreSQL", "node-web/page", []), ("A page with a title", "node-web/page", []),
            ("with that have (", "node-web/page", []),
            ("", "node-web/page", []),
            (
                "A static site with a list of books", "static-site/records",
                ["book: title string, author string, read bool"]
            ),
        ])
    func sentences(requirements: String, template: String, entities: [String]) throws {
        let choice = try choose(requirements)
        #expect(choice.name == template)
        let found = choice.entities.map { entity in
            "\(entity.name): " + entity.fields.map { "\($0.name) \($0.kind.rawValue)" }.joined(separator: ", ")
        }
        #expect(found == entities)
        for entity in choice.entities {
            let isExplained = choice.reasons.contains { $0.hasPrefix("entity \(entity.name): ") }
            #expect(isExplained, "\(choice.reasons)")
            #expect(choice.matched.contains(entity.name))
        }
        #expect(choice.warnings.contains("no rule matched; pass --requirements") == (template == "node-web/page"))
    }

    @Test("structured input wins over words, and takes known fields where it names none")
    func structured() throws {
        let named = try choose("a todo list", input: ["entities": [["name": "pet", "fields": ["name": "string"]]]])
        #expect(named.entities.map(\.name) == ["pet"])
        let known = try choose("", input: ["entities": ["tasks"]])
        #expect(known.entities[0].fields.map(\.name) == ["title", "done", "due"])
    }
}
