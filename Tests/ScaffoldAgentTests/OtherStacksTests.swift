import AgentProtocol
import AgentTestSupport
import JSONTools
import ProjectTools
import Testing

@testable import ScaffoldAgent

@Suite("static site and Swift service")
struct OtherStacksTests {
    /// Renders a project, as far as its files go.
    func render(
        _ stack: String, options: JSONObject = [:], input: JSONObject = [:], in sandbox: Sandbox
    ) async throws -> String {
        let trial = ScaffoldTrial(sandbox: sandbox)
        var input = input
        input["stack"] = .string(stack)
        input["options"] = .object(options)
        let planned = try await trial.run(
            "initialization", name: String(GeneratedProjectTests.hostile.prefix(200)),
            requirements: GeneratedProjectTests.hostile, input: input)
        #expect(planned.warnings.allSatisfy { $0.hasPrefix("no rule matched") }, "\(planned.warnings)")
        let made = try await trial.run("scaffolding", commit: planned.commit)
        #expect(made.status == .success, "\(made.errors)")
        return try await trial.checkOut(made.commit ?? "")
    }

    @Test("a static site is built, checked, and passes its own tests, with and without news", arguments: [true, false])
    func site(blog: Bool) async throws {
        try await Sandbox.with { sandbox in
            let project = try await render("static-site", options: ["blog": .bool(blog)], in: sandbox)
            #expect(sandbox.exists(project + "/site/news/index.html") == blog)
            let commands = "cd \(project) && node scripts/build.js && node scripts/check.js && node --test"
            let output = try await sandbox.run("sh", ["-c", commands])
            #expect(output.succeeded, "\(output.text) \(output.errorText)")
            let page = try #require(sandbox.read(project + "/dist/index.html"))
            #expect(!page.contains("alert(1)</script>") && page.contains("alert(1)&lt;/script&gt;"))
        }
    }

    @Test("a static site with entities keeps them in the browser: models, page, and tests that pass")
    func siteWithRecords() async throws {
        try await Sandbox.with { sandbox in
            let project = try await render("static-site", input: ["entities": EntityTests.given], in: sandbox)
            let commands = "cd \(project) && node scripts/build.js && node scripts/check.js && node --test"
            let output = try await sandbox.run("sh", ["-c", commands])
            #expect(output.succeeded, "\(output.text) \(output.errorText)")
            #expect(try #require(TestSummary(console: output.text)).passed >= 10)
            let models = try JSONValue(parsing: try #require(sandbox.read(project + "/dist/model.json")))
            #expect(models["entities"]?[0]?["name"] == "task")
            #expect(try ProjectManifest.load(from: project).json["e2e"]?["scenarios"]?.arrayValue?.count ?? 0 >= 2)
        }
    }

    /// Building it takes minutes, so here its files are only rendered, formatted and parsed.
    @Test("a Swift service has the right names, and its sources are Swift", arguments: ["api", "records"])
    func swift(feature: String) async throws {
        try await Sandbox.with { sandbox in
            var input: JSONObject = ["feature": .string(feature)]
            if feature == "records" { input["entities"] = EntityTests.given }
            let project = try await render("swift-service", options: ["port": 9000], input: input, in: sandbox)
            let sources = try await sandbox.run("sh", ["-c", "cd \(project) && ls Sources/*/*.swift Tests/*/*.swift"])
            let files = sources.text.split(whereSeparator: \.isNewline)
            #expect(files.contains { $0.hasSuffix("/TaskTests.swift") } == (feature == "records"), "\(files)")
            #expect(files.contains { $0.hasSuffix("/InfoTests.swift") } == (feature == "api"), "\(files)")
            let commands = "cd \(project) && swift format lint --strict -r Package.swift Sources Tests"
            let linted = try await sandbox.run("sh", ["-c", commands])
            #expect(linted.succeeded, "\(linted.errorText)")
            let parse = "cd \(project) && swiftc -frontend -parse -swift-version 6 Sources/*/*.swift Tests/*/*.swift"
            let parsed = try await sandbox.run("sh", ["-c", parse])
            #expect(parsed.succeeded, "\(parsed.errorText)")
            let scripts = try await sandbox.run("sh", ["-c", "cd \(project) && sh -n scripts/*.sh && ls scripts"])
            #expect(scripts.succeeded, "\(scripts.errorText)")
            let manifest = try ProjectManifest.load(from: project)
            #expect(manifest.commands("start") == [["sh", "scripts/build.sh"], ["dist/service"]])
            #expect(sandbox.read(project + "/Dockerfile")?.contains("EXPOSE 9000") == true)
        }
    }
}
