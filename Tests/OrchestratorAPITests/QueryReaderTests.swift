import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Testing

@testable import OrchestratorAPI

@Suite("Queries")
struct QueryReaderTests {
    private func reader(_ query: String, _ allowed: [String] = ["q", "limit", "sort"]) -> QueryReader {
        QueryReader(
            Request(
                head: HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/x?\(query)"),
                body: RequestBody(buffer: .init())), allowed: allowed)
    }

    @Test(
        "Escapes are read once: a plus is a space, an escaped plus is a plus, NUL becomes U+FFFD",
        arguments: [
            ("a+b", "a b"), ("c%2B%2B", "c++"), ("%C3%BC", "ü"), ("a%00b", "a\u{FFFD}b"), ("a=b", "a=b"), ("%25", "%"),
            ("%3d%26", "=&"),
        ])
    func values(_ text: String, _ value: String) throws {
        let reader = reader("q=\(text)")
        try reader.check()
        #expect(reader.text("q") == value)
    }

    @Test(
        "What can't be understood is refused",
        arguments: [
            "q=%", "q=%zz", "q=%ff", "q=%c3", "q=", "q", "q=1&q=2", "colour=red", "limit=0", "limit=x", "limit=+5",
            "%71%=1",
        ])
    func refusals(_ query: String) {
        var reader = reader(query)
        _ = reader.number("limit", in: 1...10, default: 5)
        #expect(throws: Problem.self) { try reader.check() }
    }

    @Test("A nearly right name is suggested")
    func suggestion() {
        #expect(reader("limt=5").faults.first?.message.contains("did you mean 'limit'?") == true)
    }
}

@Suite("Routes as data")
struct RouteListTests {
    @Test("What is written out wins over what varies")
    func methods() {
        var routes = RouteList()
        routes.on(.get, "/things/{name}") { _, _ in Response(status: .ok) }
        routes.on(.put, "/things/{name}") { _, _ in Response(status: .ok) }
        routes.on(.post, "/things/check") { _, _ in Response(status: .ok) }
        #expect(routes.methods(at: "/things/check") == ["POST"])
        #expect(routes.methods(at: "/things/other") == ["GET", "HEAD", "PUT"])
        #expect(routes.methods(at: "/nothing") == [])
    }
}

@Suite("Entity tags")
struct EntityTagTests {
    @Test(
        "If-None-Match is compared weakly",
        arguments: [
            ("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("a", false),
            ("", false),
        ])
    func comparison(_ field: String, _ isNamed: Bool) {
        #expect(EntityTag.isNamed("\"a\"", in: field) == isNamed)
    }

    @Test("Without the field nothing is named")
    func absent() {
        #expect(!EntityTag.isNamed("\"a\"", in: nil))
    }
}

@Suite("Names of workers")
struct WorkerNameTests {
    @Test(
        "Case and underscores make no difference",
        arguments: [
            ("my_worker", "my-worker"), ("My-Worker", "my-worker"), ("a.b", "a.b"), ("-a", nil), ("", nil), ("ü", nil),
            ("a b", nil), (String(repeating: "a", count: 65), nil),
        ] as [(String, String?)])
    func normal(_ text: String, _ name: String?) {
        #expect(WorkerName.normal(text) == name)
    }
}

@Suite("Pictures of workflows")
struct StageDiagramTests {
    @Test("Each stage is in the column after the last one that it needs, and text is escaped")
    func picture() {
        let diagram = StageDiagram(
            title: "<&>\"'",
            stages: [
                .init(name: "a", agent: "x", needs: [], status: "completed"),
                .init(name: "b", agent: "x", needs: ["a"], status: "running"),
                .init(name: "c", agent: "x", needs: ["a"], status: "pending"),
                .init(name: "d", agent: "x", needs: ["b", "c"], status: "pending"),
            ])
        let svg = diagram.svg
        #expect(svg.hasPrefix("<svg") && svg.hasSuffix("</svg>\n"))
        #expect(svg.contains("<title>&lt;&amp;&gt;&quot;&#39;</title>"))
        #expect(svg.components(separatedBy: "<rect").count - 1 == 5, "the ground and four boxes")
        #expect(svg.components(separatedBy: "<path").count - 1 == 8, "four arrows of two parts")
    }
}

@Suite("Figures for Prometheus")
struct MetricsTextTests {
    @Test("Labels are escaped, samples of one figure stand together")
    func text() {
        var text = MetricsText()
        text.add("a_total", .counter, "Help", [(["x": "1\"\\\n"], 2), ([:], 0.5)])
        text.add("b", .gauge, "None", [])
        #expect(
            text.text == "# HELP a_total Help\n# TYPE a_total counter\na_total{x=\"1\\\"\\\\\\n\"} 2\na_total 0.5\n")
    }
}
