import AgentProtocol
import AgentRuntime
import AgentTestSupport
import Foundation
import Glibc
import JSONTools
import ProjectTools
import Testing

@testable import ValidationAgent

/// What somebody could try whose project is validated.
@Suite("validation under attack")
struct InjectionTests {
    struct Arrangement {
        let sandbox: Sandbox
        let canary: Canary
        var repository: String { sandbox.path + "/workflow.git" }

        func validate(commit: String, environment: [String: String] = [:]) async throws -> TaskResult {
            try await sandbox.run(
                sandbox.task(
                    "validation", repository: repository, commit: commit, mode: "read", timeoutMilliseconds: 60_000),
                type: "validation", actions: [ValidationAction()], environment: environment)
        }

        func validate(
            _ files: [String: String?], links: [String: String] = [:], environment: [String: String] = [:]
        ) async throws -> TaskResult {
            let commit = try await sandbox.commit(
                links: links, files: files, to: "work-\(UInt32.random(in: .min ... .max))", in: repository)
            return try await validate(commit: commit, environment: environment)
        }
    }

    static func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { sandbox in
            try await body(Arrangement(sandbox: sandbox, canary: try Canary(in: sandbox)))
        }
    }

    /// A project that is done in no time: what its tests do is a shell script.
    static func project(
        test: String = "exit 0", reports: JSONObject = [:], changes: [String: String?] = [:]
    ) -> [String: String?] {
        let manifest: JSONObject = [
            "version": 1, "name": "x", "commands": ["test": [["sh", "test.sh"]]], "reports": .object(reports),
        ]
        let files: [String: String?] = [
            "baton.json": JSONValue.object(manifest).prettyPrinted(), "test.sh": "#!/bin/sh\n" + test + "\n",
            "policy.yaml": "rules: [{metric: secrets_found, operator: \"==\", threshold: 0}]\n",
        ]
        return files.merging(changes) { _, given in given }
    }

    static let good = "mkdir -p out; echo '<testsuite><testcase name=\"a\"/></testsuite>' > out/junit.xml"

    @Test("reports may lie in the project only, whatever their path looks like")
    func reportPaths() async throws {
        try await Self.arranged { a in
            for path in a.canary.paths() + [a.canary.file] {
                guard ProjectManifest.isRelativePath(path) else {
                    let manifest: JSONValue = ["version": 1, "name": "x", "reports": ["junit": .string(path)]]
                    #expect(throws: ManifestError.self) { try ProjectManifest(json: manifest) }
                    continue
                }
                let result = try await a.validate(
                    Self.project(reports: ["junit": .string(path), "coverage": .string(path)]))
                let codes = result.errors.map(\.code)
                // Odd names are names of files that the tests didn't write.
                let refusals = ["INVALID_MANIFEST", "PATH_OUTSIDE_WORKSPACE", "FILE_NOT_WRITTEN", "CHECK_FAILED"]
                let known = codes.isEmpty || refusals.contains { codes == [$0] }
                #expect(known, "\(path.debugDescription.prefix(80)): \(result.errors)")
                #expect(result.errors.allSatisfy { !$0.message.isEmpty })
                #expect(a.canary.harm(in: result) == [], "\(path.debugDescription.prefix(80))")
            }
        }
    }

    @Test("what the project is read by leads nowhere when it is a link")
    func links() async throws {
        try await Self.arranged { a in
            let secret = a.canary.file
            for (name, code) in [
                ("baton.json", "INVALID_MANIFEST"), ("policy.yaml", "PATH_OUTSIDE_WORKSPACE"),
                (SecretAllowList.path, "PATH_OUTSIDE_WORKSPACE"), ("linked.js", nil), ("out", "PATH_OUTSIDE_WORKSPACE"),
            ] {
                let target = name == "out" ? a.canary.directory : secret
                let result = try await a.validate(
                    Self.project(reports: ["junit": "out/junit.xml"]), links: [name: target])
                if let code { #expect(result.errors.map(\.code) == [code], "\(name): \(result.errors)") }
                #expect(a.canary.harm(in: result) == [], "\(name)")
            }
        }
    }

    @Test(
        "a report that the tests exchange for a link is not read through it",
        arguments: ["ln -sf %f out/junit.xml", "rm -r out; ln -s %d out", "ln -sf %f out/lcov.info"])
    func exchanged(script: String) async throws {
        try await Self.arranged { a in
            try a.sandbox.write(
                "<testsuite><testcase name=\"\(a.canary.word)\"/></testsuite>", to: "outside-report/junit.xml")
            try a.sandbox.write("SF:src/\(a.canary.word).js\nDA:x,\(a.canary.word)\n", to: "outside-report/lcov.info")
            let folder = a.sandbox.path + "/outside-report"
            let file = folder + (script.contains("lcov") ? "/lcov.info" : "/junit.xml")
            let test =
                Self.good + "; "
                + script.split(separator: "%f").joined(separator: file)
                .split(separator: "%d").joined(separator: folder)
            let result = try await a.validate(
                Self.project(test: test, reports: ["junit": "out/junit.xml", "coverage": "out/lcov.info"]))
            #expect(result.errors.map(\.code) == ["PATH_OUTSIDE_WORKSPACE"], "\(result.errors)")
            #expect(a.canary.harm(in: result) == [])
        }
    }

    @Test("a hard link is read as the copy that it might as well be, and what it is a link of stays as it is")
    func hardLinks() async throws {
        try await Self.arranged { a in
            // There are none in git; a command of the project can make one of whatever its user may link.
            let report = "<testsuite><testcase name=\"a\"/><testcase name=\"b\"/></testsuite>"
            try a.sandbox.write(report, to: "elsewhere/junit.xml")
            let links = ["baton.json", "policy.yaml", SecretAllowList.path, "linked.js", "test.sh", "out/lcov.info"]
                .map { "ln -f '\(a.canary.file)' \($0)" }
            let test = "mkdir -p out; ln '\(a.sandbox.path)/elsewhere/junit.xml' out/junit.xml; "
            let read = try await a.validate(Self.project(test: test, reports: ["junit": "out/junit.xml"]))
            #expect(read.status == .success, "\(read.errors)")
            #expect(read.output["metrics"]?["tests_total"] == 2, "\(read.output)")
            for link in links {
                let result = try await a.validate(
                    Self.project(
                        test: test + link, reports: ["junit": "out/junit.xml", "coverage": "out/lcov.info"],
                        changes: ["linked.js": "x()\n"]))
                #expect(result.errors.allSatisfy { !$0.message.isEmpty })
                #expect(a.canary.harm() == [], "\(link)")
            }
            #expect(a.sandbox.read("elsewhere/junit.xml") == report)
        }
    }

    @Test(
        "a report that is no file, or far too large, is no report, and nobody waits for it",
        arguments: [
            "mkfifo out/junit.xml out/lcov.info", "mkdir out/junit.xml out/lcov.info",
            "truncate -s 10G out/junit.xml out/lcov.info",
            "ln -s /dev/zero out/junit.xml", "ln -s /proc/self/mem out/lcov.info",
            "head -c 3000000 /dev/urandom | tee out/lcov.info > out/junit.xml",
        ])
    func oddReports(script: String) async throws {
        try await Self.arranged { a in
            let clock = ContinuousClock()
            let begun = clock.now
            let result = try await a.validate(
                Self.project(
                    test: "mkdir -p out; " + script, reports: ["junit": "out/junit.xml", "coverage": "out/lcov.info"]))
            #expect(begun.duration(to: clock.now) < .seconds(45))
            #expect(result.errors.allSatisfy { !$0.message.isEmpty && $0.message.utf8.count < 20_000 })
            if script.contains("random") { #expect(result.status == .failure, "binary garbage passed for a report") }
            #expect(a.canary.harm(in: result) == [])
        }
    }

    @Test("XML that grows when it is read, or asks for files, is refused")
    func xml() async throws {
        try await Self.arranged { a in
            let levels = (1...12).map { "<!ENTITY e\($0) \"\(String(repeating: "&e\($0 - 1);", count: 10))\">" }
                .joined()
            let bomb =
                "<!DOCTYPE x [<!ENTITY e0 \"hahahahaha\">\(levels)]><testsuite><testcase name=\"a\"><failure>&e12;</failure></testcase></testsuite>"
            let quadratic =
                "<!DOCTYPE x [<!ENTITY e \"\(String(repeating: "a", count: 50_000))\">]><testsuite><testcase name=\"a\"><failure>"
                + String(repeating: "&e;", count: 50_000) + "</failure></testcase></testsuite>"
            let external =
                "<!DOCTYPE x [<!ENTITY e SYSTEM \"file://\(a.canary.file)\">]><testsuite><testcase name=\"&e;\"><failure>&e;</failure></testcase></testsuite>"
            let subset = "<!DOCTYPE x SYSTEM \"file://\(a.canary.file)\"><testsuite><testcase name=\"a\"/></testsuite>"
            let include =
                "<testsuite xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include href=\"file://\(a.canary.file)\" parse=\"text\"/></testsuite>"
            let deep = String(repeating: "<testsuite>", count: 100_000)
            for (name, text) in [
                ("bomb", bomb), ("quadratic", quadratic), ("external", external), ("subset", subset),
                ("include", include),
                ("deep", deep),
            ] {
                let before = Self.peakMebibytes()
                let result = try await a.validate(
                    Self.project(
                        test: "mkdir -p out; cp data.xml out/junit.xml", reports: ["junit": "out/junit.xml"],
                        changes: ["data.xml": text]))
                #expect(Self.peakMebibytes() - before < 300, "\(name) took \(Self.peakMebibytes() - before) MiB")
                #expect(result.encoded().count < 256 << 10, "\(name)")
                #expect(a.canary.harm(in: result) == [], "\(name)")
                if ["bomb", "quadratic", "deep"].contains(name) { #expect(result.status == .failure, "\(name)") }
            }
        }
    }

    @Test(
        "a policy that is no file, or grows when it is read, is refused in words",
        arguments: [
            "directory", "large", "deep", "aliases", "keys", "flow", "binary",
        ])
    func policies(kind: String) async throws {
        try await Self.arranged { a in
            var files = Self.project()
            let laughs = (1...30).map {
                "a\($0): &a\($0) [" + String(repeating: "*a\($0 - 1), ", count: 9) + "*a\($0 - 1)]\n"
            }
            switch kind {
            case "directory":
                files["policy.yaml"] = nil as String?
                files["policy.yaml/x"] = "rules: []"
            case "large": files["policy.yaml"] = "#" + String(repeating: "x", count: 2 << 20)
            case "deep": files["policy.yaml"] = String(repeating: "[", count: 200_000)
            case "flow": files["policy.yaml"] = String(repeating: "{a: ", count: 50_000)
            case "aliases": files["policy.yaml"] = "a0: &a0 [x, x]\n" + laughs.joined() + "rules: *a30\n"
            case "keys": files["policy.yaml"] = "a0: &a0 [x, x]\n" + laughs.joined() + "? *a30\n: 1\n? *a29\n: 2\n"
            default: files["policy.yaml"] = String(decoding: (1...127).map { UInt8($0) }, as: UTF8.self)
            }
            let before = Self.peakMebibytes()
            let clock = ContinuousClock()
            let begun = clock.now
            let result = try await a.validate(files)
            #expect(begun.duration(to: clock.now) < .seconds(45))
            #expect(result.errors.map(\.code) == ["INVALID_POLICY"], "\(result.errors)")
            #expect(Self.peakMebibytes() - before < 300)
            #expect((result.errors.first?.message.utf8.count ?? 0) < 20_000)
        }
    }

    @Test("the environment of the agent doesn't reach the project's commands, nor git")
    func environment() async throws {
        try await Self.arranged { a in
            try a.sandbox.write("#!/bin/sh\n'\(a.canary.command)'\n", to: "script")
            let script = a.sandbox.path + "/script"
            chmod(script, 0o755)
            let result = try await a.validate(
                Self.project(
                    test: Self.good + "; env > out/lcov.info",
                    reports: ["junit": "out/junit.xml", "coverage": "out/lcov.info"]),
                environment: [
                    "GIT_DIR": a.canary.directory, "GIT_EXTERNAL_DIFF": script, "GIT_CONFIG_COUNT": "1",
                    "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": script, "LD_PRELOAD": a.canary.file,
                    "BASH_ENV": script, "ENV": script, "NODE_OPTIONS": "--require \(a.canary.file)",
                    "PYTHONPATH": a.canary.directory,
                    "PYTHONSTARTUP": script, "BATON_REDIS_URL": "redis://:\(a.canary.word)@127.0.0.1:1",
                    "AWS_SECRET_ACCESS_KEY": a.canary.word,
                    "EVIL=\(a.canary.word)": "x",
                ])
            #expect(a.canary.harm(in: result) == [], "\(result.errors)")
        }
    }

    @Test("names of files are names, not options or commands")
    func fileNames() async throws {
        try await Self.arranged { a in
            let bad = "x = ;\n"
            let names = [
                "--eval=require('fs').writeFileSync('\(a.canary.absent.split(separator: "/").joined(separator: "-"))','').js",
                "-r.js", "$(touch x).js", "a;b.js", "a\nb.js", "`id`.js", " .js", "'\".js", "é\u{202E}.js",
            ]
            let result = try await a.validate(
                Self.project(changes: Dictionary(uniqueKeysWithValues: names.map { ($0, bad) })))
            let syntax = result.output["checks"]?.arrayValue?.first { $0["name"] == "syntax" }
            // Each of them was looked at, as a file.
            #expect(syntax?["findings_total"] == .integer(Int64(names.count)), "\(String(describing: syntax))")
            #expect(a.canary.harm(in: result) == [])
        }
    }

    @Test("a repository of sparse, binary and endless lines is read within bounds")
    func hugeFiles() async throws {
        try await Self.arranged { a in
            let line = String(repeating: "password=\"Q3EGRIPWZ7XK4ABCQ3EGRIPWZ7XK4ABC\" ", count: 20_000)
            let before = Self.peakMebibytes()
            let result = try await a.validate(
                Self.project(
                    // What runs later can't make the search for secrets read it; what is committed is bounded by its size.
                    test: "truncate -s 10G big.js; mkfifo pipe.js; \(Self.good)",
                    reports: ["junit": "out/junit.xml"],
                    changes: [
                        "line.txt": line, "nul.bin": "\u{0}\(line)",
                        "many.txt": String(repeating: "\n", count: 500_000),
                    ]))
            #expect(result.status == .failure, "the planted secret was not found")
            #expect(Self.peakMebibytes() - before < 400)
            #expect(result.encoded().count < 256 << 10)
        }
    }

    /// The most memory that this process ever had, in MiB.
    static func peakMebibytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss / 1024
    }
}
