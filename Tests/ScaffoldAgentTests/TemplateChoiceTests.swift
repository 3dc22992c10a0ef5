import AgentProtocol
import AgentRuntime
import AgentTestSupport
import JSONTools
import Testing

@testable import ScaffoldAgent

@Suite("the choice of a template")
struct TemplateChoiceTests {
    let catalog: TemplateCatalog

    init() throws { catalog = try .load(from: Sandbox.shareDirectory + "/templates") }

    func choose(_ name: String, _ requirements: String = "", _ input: JSONObject = [:]) throws -> TemplateChoice {
        let context = WorkflowContext(
            workflowType: "app", workflowName: name, currentStage: "initialization", requirements: requirements,
            input: .object(input))
        return try catalog.choose(for: ProjectRequest(context, payload: [:]))
    }

    @Test(
        "words of name and requirements choose, and are named",
        arguments: [
            ("calculator-app", "", "node-web/calculator", ["calculator"]),
            ("CalculatorApp", "", "node-web/calculator", ["calculator"]),
            ("my_calc", "", "node-web/calculator", ["calc"]),
            ("Rechner", "Ein Taschenrechner!", "node-web/calculator", ["taschenrechner"]),
            ("sums", "People add and subtract numbers.", "node-web/calculator", ["add and subtract"]),
            ("sums", "A website that calculates.", "node-web/calculator", ["calculates", "website"]),
            ("thing", "in Node.js, please", "node-web/page", ["node.js"]),
            ("choir", "A static site for the choir", "static-site/site", ["static site", "static"]),
            ("thing", "in Swift with Hummingbird", "swift-service/api", ["swift", "hummingbird"]),
            ("thing", "in Python with Flask", "python-service/page", ["python", "flask"]),
            ("uncalculated", "", "node-web/page", []),
            ("shop", "", "node-web/page", []),
            ("<script>", "\u{0}\n\"';--", "node-web/page", []),
        ])
    func words(name: String, requirements: String, template: String, matched: [String]) throws {
        let choice = try choose(name, requirements)
        #expect(choice.name == template)
        #expect(choice.matched == matched)
        let isFallback = ["page", "site", "api"].contains(choice.feature.name)
        #expect(choice.warnings.contains("no rule matched; pass --requirements") == isFallback)
        let explained = choice.reasons.joined()
        let isExplained = matched.allSatisfy { explained.contains($0.debugDescription) }
        #expect(isExplained, "\(choice.reasons)")
    }

    @Test("structured input wins over words")
    func structured() throws {
        #expect(try choose("calculator", "", ["feature": "page"]).name == "node-web/page")
        #expect(try choose("x", "", ["stack": "node-web", "feature": "calculator"]).name == "node-web/calculator")
        #expect(try choose("x", "", ["options": ["docker": false]]).options == ["docker": false, "ci": true])
        let records = try choose("calculator", "", ["entities": [["name": "task"]]])
        #expect(records.name == "node-web/records" && records.entities.map(\.name) == ["task"])
        #expect(records.reasons.contains { $0.contains("the input names \"task\"") })
        let python = try choose("x", "", ["stack": "python-service", "entities": ["task"], "options": ["port": 9000]])
        #expect(python.name == "python-service/records" && python.options["port"] == 9000)
    }

    static let wrong: [(JSONObject, String)] = [
        (["stack": "nodeweb"], "did you mean node-web?"),
        (["stack": "cobol-on-cogs"], "Known: node-web, python-service, static-site"),
        (["feature": "calculater"], "did you mean calculator?"),
        (["options": ["dokcer": true]], "did you mean docker?"),
        (["options": ["docker": "yes"]], "true or false"), (["stack": 7], "a text"), (["stack": ""], "a text"),
        (["entities": ["a": 1]], "a list"), (["entities": [["fields": [:]]]], "entities"),
        (["stack": "python-service", "options": ["python": "2.7"]], "options.python"),
        (["stack": "python-service", "options": ["port": 0]], "options.port"),
    ]

    @Test("what doesn't exist is refused, with a suggestion", arguments: wrong)
    func refused(input: JSONObject, message: String) {
        let failure = #expect(throws: ActionFailure.self) { try choose("x", "", input) }
        #expect(failure?.code == "INVALID_INPUT")
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
        #expect(failure?.retryable == false)
    }

    @Test("what can't be made yet is never left out in silence")
    func warned() throws {
        let go = try choose("shop", "A shop in Golang").warnings
        #expect(go.contains { $0.contains("Go") && $0.contains("no template yet") }, "\(go)")
        let entities = try choose("x", "", ["feature": "calculator", "entities": [["name": "task"]]]).warnings
        #expect(entities.contains { $0.contains("\"task\" left out") }, "\(entities)")
        let records = try choose("x", "", ["feature": "records"])
        #expect(records.entities.map(\.name) == ["item"] && records.warnings.contains { $0.contains("none was named") })
        #expect(try choose("calculator").warnings.isEmpty)
    }

    @Test(
        "words are found whole, in phrases, whatever is around them",
        arguments: [
            ("calculator-app", "calculator", true), ("(Calculator)", "calculator", true),
            ("calculators", "calculator", false),
            ("myCalculator2", "calculator2", true), ("Node.js.", "node.js", true), ("node js", "node.js", false),
            ("add, and\nsubtract", "add and subtract", true), ("add or subtract", "add and subtract", false),
            ("'go'", "go", true), ("ergo", "go", false), ("", "go", false), ("go", "", false),
        ])
    func words(text: String, keyword: String, isFound: Bool) {
        #expect(Words(text).contains(keyword) == isFound, "\(Words(text).list)")
    }
}

@Suite("names and descriptions of projects")
struct ProjectNameTests {
    @Test(
        "a slug is good for package managers and images, a title for people",
        arguments: [
            ("calculator-app", "calculator-app", "Calculator App"),
            ("  My  App! ", "my-app", "My App!"),
            ("../../etc/passwd", "etc-passwd", "../../etc/passwd"),
            ("", "app", "App"), ("\u{0}\n\t", "app", "App"), ("日本", "app", "日本"), ("42", "app-42", "42"),
            ("a\u{202E}b", "a-b", "A B"), ("--x--", "x", "X"), ("Ünïcode", "n-code", "Ünïcode"),
        ])
    func names(name: String, slug: String, title: String) {
        let made = ProjectName(name)
        #expect(made.slug == slug)
        #expect(made.title == title)
    }

    @Test("long names are cut")
    func long() {
        let name = ProjectName(String(repeating: "ab ", count: 500))
        #expect(name.slug.count <= 60 && !name.slug.hasSuffix("-"))
        #expect(name.title.count == 80)
    }

    @Test("a description is the first sentence of the requirements, on one line")
    func description() {
        #expect(ProjectPlan.firstSentence(of: " \n\u{0} ") == nil)
        #expect(ProjectPlan.firstSentence(of: "One calculator.\nfor all. And more.") == "One calculator. for all.")
        #expect(ProjectPlan.firstSentence(of: String(repeating: "word ", count: 100))?.count ?? 0 <= 200)
        #expect(ProjectPlan.firstSentence(of: String(repeating: "x", count: 1000))?.count == 199)
    }

    @Test("a plan survives its file, and a plan from elsewhere can't smuggle a name in")
    func plan() throws {
        var plan = try #require(ProjectPlan(json: Self.json))
        #expect(ProjectPlan(json: .object(plan.json)) == plan)
        #expect(plan.name.slug == "a-rm-rf")
        plan.requirements = ""
        #expect(plan.facts["requirements"] == nil)
        for key in ["version", "name", "title", "stack", "feature", "template_version", "year"] {
            var json = Self.json.objectValue ?? [:]
            json[key] = nil
            #expect(ProjectPlan(json: .object(json)) == nil, "\(key)")
        }
    }

    static let json: JSONValue = [
        "version": 1, "name": "a; rm -rf /", "title": "A", "description": "d", "stack": "node-web", "feature": "page",
        "template_version": 1, "year": 2026, "options": ["ci": true], "matched": ["x"], "requirements": "r",
    ]
}
