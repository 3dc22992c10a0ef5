import AgentProtocol
import AgentTestSupport
import JSONTools
import Testing

@testable import ScaffoldAgent

@Suite("templates of one's own")
struct TemplateSourceTests {
    static let files = [
        "template.yaml": """
        version: 3
        title: Mine
        features: [plain]
        fallback: plain
        manifest: {commands: {test: [[echo, fine]]}}
        """,
        "features/plain/feature.yaml": "summary: mine\ndescription: d",
        "base/<% slug %>.txt.mustache": "<% line(title) %> from the template\n",
    ]

    @Test("come from a folder or a git repository, whose commit is kept for the stages after it")
    func sources() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            for (file, text) in Self.files { try sandbox.write(text, to: "own/" + file) }
            let origin = sandbox.path + "/Templates.git"
            let commit = try await sandbox.commit(Self.files, to: "main", in: origin)
            for location in [sandbox.path + "/own", "file://" + origin + "#main"] {
                let planned = try await trial.run(
                    "initialization", name: "shop", input: ["template": .string(location)])
                #expect(planned.status == .success, "\(planned.errors)")
                // What the repository gets meanwhile is for the next project.
                if location.contains("#") {
                    try await sandbox.commit(["base/late.txt": "late"], to: "main", in: origin)
                    #expect(planned.output["plan"]?["template_source"]?["commit"]?.stringValue == commit)
                }
                let made = try await trial.run("scaffolding", commit: planned.commit)
                #expect(made.status == .success, "\(made.errors)")
                let project = try await trial.checkOut(made.commit ?? "")
                #expect(sandbox.read(project + "/shop.txt") == "Shop from the template\n")
                #expect(!sandbox.exists(project + "/late.txt"))
                let answers = try JSONValue(parsing: try #require(sandbox.read(project + "/.baton/answers.json")))
                #expect(answers["template_version"] == 3)
                #expect(answers["answers"]?["template_source"]?["location"]?.stringValue == location)
            }
        }
    }

    @Test("that can't be read say why")
    func wrong() async throws {
        try await Sandbox.with { sandbox in
            let trial = ScaffoldTrial(sandbox: sandbox)
            try await sandbox.commit(["a": "b"], to: "main", in: sandbox.path + "/empty.git")
            let cases: [(JSONValue, String)] = [
                (7, "INVALID_INPUT"), ("own", "INVALID_INPUT"), ("ext::sh -c id", "INVALID_INPUT"),
                (.string("file://\(sandbox.path)/none.git"), "TEMPLATE_UNREACHABLE"),
                (.string("\(sandbox.path)/empty.git"), "TEMPLATE_INVALID"),
                (.string("\(sandbox.path)/empty.git#-x"), "INVALID_INPUT"),
            ]
            for (location, code) in cases {
                let result = try await trial.run("initialization", input: ["template": location])
                #expect(result.errors.map(\.code) == [code], "\(location)")
            }
        }
    }
}
