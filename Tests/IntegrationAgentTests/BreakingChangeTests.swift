import AgentProtocol
import AgentTestSupport
import JSONTools
import ProjectTools
import Testing

@testable import IntegrationAgent

@Suite("what breaks the users of a project")
struct BreakingChangeTests {
    static func api(_ paths: String, schemas: String = "{}") throws -> APIDescription {
        try APIDescription(parsing: "openapi: 3.0.0\ncomponents: { schemas: \(schemas) }\npaths:\n\(paths)")
    }

    static let former = """
          /tasks:
            get:
              parameters:
                - { name: page, in: query, schema: { type: integer } }
                - { name: sort, in: query, schema: { enum: [title, due] } }
              responses:
                "200": { content: { application/json: { schema: { $ref: "#/components/schemas/Task" } } } }
                "404": { description: none }
            post:
              requestBody: { content: { application/json: { schema: { $ref: "#/components/schemas/Task" } } } }
              responses: { "201": { description: made } }
          /old/{id}:
            get: { responses: {} }

        """
    static let schemas = "{ Task: { type: object, required: [id], properties: { id: { type: integer }, title: {} } } }"

    @Test("nothing breaks when a path's parameter has another name, and more is offered")
    func compatible() throws {
        let old = try Self.api(Self.former, schemas: Self.schemas)
        let new = try Self.api(
            Self.former.replacing("{id}", with: "{key}").replacing("[title, due]", with: "[title, due, state]")
                + "  /new:\n    get: { responses: {} }\n",
            schemas: Self.schemas.replacing("title: {}", with: "title: {}, due: {}"))
        #expect(APIComparison.changes(from: old, to: new, in: "openapi.yaml") == [])
    }

    @Test(
        "each kind of break is found at its line",
        arguments: [
            ("  /old/{id}:\n    get: { responses: {} }\n", "", "path_removed", 16),
            ("    post:", "    put:", "operation_removed", 12),
            ("        - { name: page, in: query, schema: { type: integer } }\n", "", "parameter_removed", 7),
            ("name: page, in: query,", "name: page, in: query, required: true,", "parameter_required", 7),
            (
                "page, in: query, schema: { type: integer }", "page, in: query, schema: { type: boolean }",
                "type_changed", 7
            ),
            ("[title, due]", "[title]", "choices_narrowed", 8),
            ("        \"404\": { description: none }\n", "", "response_removed", 11),
            ("post:\n      requestBody: {", "post:\n      requestBody: { required: true,", "body_required", 12),
            (
                "requestBody: { content: { application/json:", "requestBody: { content: { text/plain:",
                "media_type_removed", 13
            ),
        ])
    func operations(_ before: String, _ after: String, _ kind: String, _ line: Int) throws {
        let old = try Self.api(Self.former, schemas: Self.schemas)
        let text = Self.former.replacing(before, with: after)
        #expect(text != Self.former)
        let changes = APIComparison.changes(
            from: old, to: try Self.api(text, schemas: Self.schemas), in: "openapi.yaml")
        #expect(changes.map(\.kind.rawValue) == [kind], "\(changes)")
        #expect(changes.map(\.line) == [line], "\(changes)")
    }

    @Test("schemas: what is sent may not be demanded more of, what is got may not be promised less of")
    func schemas() throws {
        func kinds(_ schemas: String) throws -> [String] {
            APIComparison.changes(
                from: try Self.api(Self.former, schemas: Self.schemas),
                to: try Self.api(Self.former, schemas: schemas), in: "openapi.yaml"
            ).map { "\($0.kind.rawValue) \($0.message.split(separator: ":").first ?? "")" }
        }
        #expect(
            try kinds(Self.schemas.replacing("required: [id]", with: "required: [id, title]"))
                == ["property_required POST /tasks"])
        #expect(
            try kinds(Self.schemas.replacing("required: [id], ", with: "")) == ["no_longer_promised GET /tasks"])
        #expect(
            try kinds(Self.schemas.replacing(", title: {}", with: ""))
                == ["property_removed GET /tasks", "property_removed POST /tasks"])
        #expect(
            try kinds(Self.schemas.replacing("id: { type: integer }", with: "id: { type: number }"))
                == ["type_changed GET /tasks"])
        #expect(
            try kinds(Self.schemas.replacing("title: {}", with: "title: { type: string }"))
                == ["type_changed POST /tasks"])
        let circle =
            "{ Task: { type: object, properties: { id: {}, title: {}, next: { $ref: '#/components/schemas/Task' } } } }"
        let old = try Self.api(Self.former, schemas: circle)
        #expect(APIComparison.changes(from: old, to: old, in: "openapi.yaml") == [])
    }

    // MARK: Symbols

    @Test("node: exports of ES modules and CommonJS, followed where they are passed on; comments are none")
    func node() {
        func names(_ files: [String: String]) -> [String]? { NodeExports { files[$0] }.symbols()?.symbols.map(\.name) }
        let modules = [
            "package.json": #"{"exports": {".": {"import": "./a.mjs"}, "./deep": "./b.js"}}"#,
            "a.mjs": """
            // export const no = 1;
            export const one = 1, text = "/* ";
            export async function two() {}
            export { three, four as five } from "./x.mjs";
            export default class {}
            export * from "./c.mjs";
            """,
            "c.mjs": "export * from './a.mjs';\nexport class Six {}\n",
            "b.js": "exports.a = 1;\nmodule.exports.b = exports.c == 2;\n",
        ]
        let found = names(modules) ?? []
        #expect(
            Set(found) == ["(package)", "one", "two", "three", "five", "default", "Six", "deep", "deep.a", "deep.b"])
        let common = """
            module.exports = {
              add, sub: (a, b) => ({ not: a }), async wait() { const inner = { no: 1 }; }, get size() { return 1; },
              ...rest,
              "quoted": 1,
            };
            """
        let members = names(["package.json": #"{"main": "index"}"#, "index.js": common]) ?? []
        #expect(Set(members) == ["(package)", "add", "sub", "wait", "size", "quoted"])
        #expect(names(["package.json": #"{"private": true}"#, "index.js": common]) == nil)
    }

    @Test("swift: public declarations with what is around them; defaults may be added, labels may not")
    func swift() {
        let source = """
            /// A price. public func no()
            public struct Price: Sendable,
                Hashable
            {
                public var total: Int { if true { return 1 } else { return 2 } }
                var hidden = "}"
                public init(_ total: Int, in currency: String = "{") {}
                public static func == (a: Self, b: Self) -> Bool { true }
                struct Inner { public func no() {} }
            }
            public enum Kind: String { case big, small(Int, of: Int); func no() {}
                case other }
            public protocol Shop { func sell(_ what: [String: Int], then done: (Int, Int) -> Void) }
            extension Price { public func `in`(_ other: String) {} }
            public extension Kind { var isBig: Bool { true } }
            func internalOne() { func public1() {} }
            """
        let symbols = SwiftExports.symbols(in: source, file: "Sources/Shop/Price.swift")
        let names = Set(symbols.map(\.name))
        let expected: Set = [
            "Shop.Price", "Shop.Price.total", "Shop.Price.init", "Shop.Price.==", "Shop.Kind", "Shop.Kind.big",
            "Shop.Kind.other", "Shop.Kind.small", "Shop.Shop", "Shop.Shop.sell", "Shop.Price.`in`", "Shop.Kind.isBig",
        ]
        #expect(names.isSuperset(of: expected), "missing: \(expected.subtracting(names))")
        #expect(!names.contains("Shop.Price.hidden") && !names.contains("Shop.internalOne"), "\(names)")
        let sell = symbols.first { $0.name == "Shop.Shop.sell" }
        #expect(sell?.arguments?.map(\.name) == ["_0", "then"])
        let make = symbols.first { $0.name == "Shop.Price.init" }
        #expect(make?.arguments?.map(\.isRequired) == [true, false])

        func changes(_ before: String, _ after: String) -> [String] {
            func found(_ text: String) -> ExportedSymbols {
                ExportedSymbols(symbols: SwiftExports.symbols(in: text, file: "Sources/A/a.swift"))
            }
            return ExportedSymbols.changes(from: found(before), to: found(after)).map(\.kind.rawValue)
        }
        #expect(changes("public func f(a: Int) {}", "public func f(a: Int, b: Int = 1) {}") == [])
        #expect(changes("public func f(a: Int) {}", "public func f(a: Int, b: Int) {}") == ["argument_required"])
        #expect(changes("public func f(a: Int) {}", "public func f() {}") == ["argument_removed"])
        #expect(changes("public func f(a: Int) {}", "func f(a: Int) {}") == ["symbol_removed"])
        let both = "public func f(a: Int) {}\npublic func f(b: Int) {}"
        #expect(changes("public func f(a: Int) {}", both) == [])
    }

    @Test("python: only what belongs to a package is offered")
    func pythonModules() {
        let files = [
            "pyproject.toml", "shop/__init__.py", "shop/price.py", "shop/_inner.py", "tests/__init__.py", "app.py",
        ]
        #expect(PythonExports.modules(among: files).map(\.module) == ["shop", "shop.price"])
        #expect(PythonExports.modules(among: Array(files.dropFirst())).isEmpty)
        #expect(
            PythonExports.modules(among: ["setup.py", "src/shop/__init__.py", "src/shop/a.py"]).map(\.module)
                == ["shop", "shop.a"])
    }

    // MARK: The stage

    @Test("a work that breaks a package and an API is told about, or not published, as is asked for")
    func stage() async throws {
        try await Sandbox.with { sandbox in
            let a = IntegrationTests.Arrangement(sandbox: sandbox)
            var files = TinyApp.files()
            files["pyproject.toml"] = "[project]\nname = \"shop\"\n"
            files["shop/__init__.py"] = "from .price import price\n"
            files["shop/price.py"] =
                "def price(total, tax=0):\n    return total\n\n\nclass Shop:\n    def sell(self): ...\n"
            files["openapi.yaml"] = "openapi: 3.0.0\npaths:\n  /a: { get: { responses: {} } }\n"
            let base = try await a.main(files)
            let work = try await a.work(
                [
                    "shop/price.py": "\n\ndef price(total, *, rate):\n    return total\n\n\nclass Shop: ...\n",
                    "openapi.yaml": "openapi: 3.0.0\npaths: {}\n",
                ], from: base)
            let blocked = try await a.integrate(work, ["breaking_changes": "block"])
            #expect(blocked.errors.map(\.code) == ["BREAKING_CHANGES"], "\(blocked.errors)")
            #expect(try await a.head() == base)
            let warned = try await a.integrate(work)
            #expect(warned.status == .success, "\(warned.errors)")
            let found = (warned.output["breaking_changes"]?.arrayValue ?? []).map { change in
                "\(change["kind"]?.stringValue ?? "") \(change["file"]?.stringValue ?? ""):\(change["line"]?.intValue ?? 0)"
            }
            #expect(
                found == [
                    "path_removed openapi.yaml:3", "symbol_removed shop/price.py:6", "argument_removed shop/price.py:3",
                    "argument_required shop/price.py:3",
                ], "\(warned.output)")
            #expect(
                warned.warnings.contains("breaks its users: shop/price.py:6 (before): shop.price.Shop.sell was removed")
            )
        }
    }
}
