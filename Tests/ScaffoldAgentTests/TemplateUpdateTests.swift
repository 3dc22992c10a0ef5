import AgentProtocol
import AgentTestSupport
import Foundation
import JSONTools
import Testing

@testable import ScaffoldAgent

@Suite("a project and its template, later")
struct TemplateUpdateTests {
    /// A template of one stack, a project made from it, and people's own work on that.
    struct Arrangement {
        let sandbox: Sandbox
        let trial: ScaffoldTrial
        var template: String { sandbox.path + "/little" }
        var origin: String { sandbox.path + "/origin.git" }

        func write(_ files: [String: String]) throws {
            for (path, text) in files { try sandbox.write(text, to: template + "/" + path) }
        }

        func update() async throws -> TaskResult {
            try await trial.run(
                "initialization", name: "little", input: ["repository": .string(origin), "update": true],
                type: "feature")
        }
    }

    static func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { sandbox in
            let a = Arrangement(sandbox: sandbox, trial: ScaffoldTrial(sandbox: sandbox))
            try a.write([
                "template.yaml": """
                version: 1
                title: Little
                keywords: []
                features: [only]
                fallback: only
                layers: []
                options: {}
                manifest: { commands: { test: [[node, --test]] } }

                """,
                "features/only/feature.yaml":
                    "summary: little\nkeywords: []\ndescription: Little.\nvalues: {}\nmanifest: {}\n",
                "base/readme.md": "one\ntwo\nthree\nfour\nfive\n", "base/gone.txt": "soon\n", "base/code.js": "a\n",
            ])
            let planned = try await a.trial.run(
                "initialization", name: "little", input: ["template": .string(a.template)])
            let made = try await a.trial.run("scaffolding", commit: planned.commit)
            try await sandbox.git("-C", a.trial.repository, "update-ref", "refs/heads/main", try #require(made.commit))
            try await sandbox.git("clone", "--quiet", "--bare", a.trial.repository, a.origin)
            try await body(a)
        }
    }

    @Test("an update is merged with what people have changed since")
    func merged() async throws {
        try await Self.arranged { a in
            #expect(try await a.update().errors.map(\.code) == ["NOTHING_TO_DO"])
            try await a.sandbox.commit(
                ["readme.md": "one\ntwo\nthree\nfour\nfive, mine\n", "own.txt": "mine\n"], to: "main", in: a.origin)
            try a.write(["base/readme.md": "ONE\ntwo\nthree\nfour\nfive\n", "base/new.txt": "new\n"])
            try FileManager.default.removeItem(atPath: a.template + "/base/gone.txt")
            let result = try await a.update()
            #expect(result.status == .success && result.warnings.isEmpty, "\(result.errors) \(result.warnings)")
            let project = try await a.trial.checkOut(try #require(result.commit))
            #expect(a.sandbox.read(project + "/readme.md") == "ONE\ntwo\nthree\nfour\nfive, mine\n")
            #expect(a.sandbox.read(project + "/own.txt") == "mine\n")
            #expect(a.sandbox.read(project + "/new.txt") == "new\n")
            #expect(!a.sandbox.exists(project + "/gone.txt"))
            // And again, from there: the answers speak of the template as it is now.
            try await a.sandbox.git(
                "-C", a.origin, "fetch", "--quiet", a.trial.repository, "\(try #require(result.commit)):refs/heads/main"
            )
            #expect(try await a.update().errors.map(\.code) == ["NOTHING_TO_DO"])
        }
    }

    @Test("places that both have changed are told, and nothing is written")
    func conflict() async throws {
        try await Self.arranged { a in
            try await a.sandbox.commit(["code.js": "b\n"], to: "main", in: a.origin)
            try a.write(["base/code.js": "c\n"])
            let result = try await a.update()
            #expect(result.errors.map(\.code) == ["UPDATE_CONFLICT"])
            #expect(result.errors.first?.detail["files"] == ["code.js"])
        }
    }

    @Test("a repository that was not made from a template is left alone")
    func foreign() async throws {
        try await Self.arranged { a in
            let other = a.sandbox.path + "/other.git"
            try await a.sandbox.commit(["a": "b"], to: "main", in: other)
            let result = try await a.trial.run(
                "initialization", input: ["repository": .string(other), "update": true], type: "feature")
            #expect(result.errors.map(\.code) == ["NOT_FROM_TEMPLATE"])
        }
    }

    @Test("the templates are listed with their features and options")
    func list() async throws {
        try await Sandbox.with { sandbox in
            let result = try await sandbox.run(
                sandbox.task("templates"), type: "scaffold", actions: [TemplatesAction()])
            let stacks = result.output["templates"]?.arrayValue ?? []
            #expect(stacks.compactMap { $0["stack"]?.stringValue }.prefix(2) == ["node-web", "python-service"])
            #expect(stacks.allSatisfy { $0["features"]?.arrayValue?.isEmpty == false })
            #expect(stacks.first { $0["stack"] == "python-service" }?["options"]?["python"]?["default"] == "3.11")
        }
    }
}
