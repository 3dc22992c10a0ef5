import AgentProtocol
import AgentTestSupport
import Foundation
import Glibc
import JSONTools
import ProjectTools
import Testing

@testable import E2EAgent

/// What somebody could try whose app is tested: by the manifest, the files, the pages and the tests. The browser's programs
/// are played by a script, so that pages can be as hostile as no browser would show them.
@Suite("e2e_testing under attack")
struct InjectionTests {
    struct Arrangement {
        let sandbox: Sandbox
        let canary: Canary
        var repository: String { sandbox.path + "/project.git" }

        /// Runs the action.
        ///
        /// - Parameters:
        ///   - survey: what the survey of the pages finds.
        ///   - tests: shell commands that run instead of pytest; `$1` is the folder for what the tests leave.
        func run(
            _ files: [String: String?], links: [String: String] = [:], survey: JSONValue = ["pages": []],
            tests: String = "", environment: [String: String] = [:]
        ) async throws -> TaskResult {
            try sandbox.write(survey.description, to: "survey.json")
            try sandbox.write(
                """
                #!/bin/sh
                case "$1" in
                -c) echo 3.12.0 9.0.0 1.60.0 ;;
                *survey.py) cp '\(sandbox.path)/survey.json' "$3/survey.json" ;;
                -m)
                    folder="$E2E_OUTPUT"
                    set -- "$folder"
                    echo '<testsuite><testcase name="a"/></testsuite>' > "$folder/../junit.xml"
                    \(tests)
                    ;;
                esac

                """, to: "python")
            chmod(sandbox.path + "/python", 0o755)
            let commit = try await sandbox.commit(
                links: links, files: files, to: "work-\(UInt32.random(in: .min ... .max))", in: repository)
            return try await sandbox.run(
                sandbox.task("e2e_testing", repository: repository, commit: commit, timeoutMilliseconds: 60_000),
                type: "e2e", actions: [E2ETestingAction()],
                environment: environment.merging(["BATON_PYTHON": sandbox.path + "/python"]) { $1 })
        }

        func check(_ result: TaskResult, _ comment: String) async throws {
            #expect(canary.harm(in: result) == [], "\(comment)")
            if let commit = result.commit {
                #expect(try await !canary.isIn(commit, of: repository), "\(comment)")
            }
        }
    }

    static func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { sandbox in
            try await body(Arrangement(sandbox: sandbox, canary: try Canary(in: sandbox)))
        }
    }

    @Test("the script plays its part: without an attack all goes well")
    func withoutAttack() async throws {
        try await Self.arranged { a in
            let result = try await a.run(TinyApp.files())
            #expect(result.status == .success, "\(result.errors)")
            #expect(result.output["generated"] == true)
            try await a.check(result, "")
        }
    }

    @Test("paths of pages, endpoints and health are paths of the app")
    func paths() async throws {
        try await Self.arranged { a in
            let elsewhere = [
                "//127.0.0.1:9/x", "http://127.0.0.1:9/", "file://\(a.canary.file)", "/a b", "@127.0.0.1:9/", "/\n",
                "/\u{202E}",
            ]
            // An absolute path of a file is a path like others to an app.
            for path in elsewhere + a.canary.paths() where path != "/" && path != a.canary.absent {
                for section: JSONObject in [
                    ["e2e": ["pages": [.string(path)]]], ["e2e": ["ignore": [.string(path)]]],
                    ["e2e": ["endpoints": [["path": .string(path)]]]],
                    ["e2e": ["scenarios": [["name": "n", "steps": [["goto": .string(path)]]]]]],
                    ["health": .string(path)],
                ] {
                    var manifest: JSONObject = ["version": 1, "name": "x"]
                    for (key, value) in section { manifest[key] = value }
                    #expect(throws: ManifestError.self, "\(section)") {
                        try E2EPlan(try ProjectManifest(json: .object(manifest)))
                    }
                }
            }
        }
    }

    @Test("what pages and manifest say becomes text in the generated tests, never code")
    func generatedCode() async throws {
        try await Self.arranged { a in
            let attack = "\"'''\\\n)\nimport os; os.system('\(a.canary.command)')\n#{}\u{0}\u{2028}\u{D}"
            let survey: JSONValue = [
                "browser": .string(attack),
                "pages": [
                    [
                        "path": .string("/" + attack), "status": 200, "content_type": "text/html",
                        "title": .string(attack),
                        "forms": [],
                        "fields": [
                            [
                                "selector": .string(attack), "tag": "input", "type": "text", "visible": true,
                                "editable": true,
                            ]
                        ],
                        "buttons": [
                            ["selector": .string(attack), "text": .string(attack), "visible": true, "enabled": true]
                        ],
                        "findings": [],
                    ]
                ],
            ]
            let plan: JSONValue = [
                "endpoints": [["path": "/x", "text": .string(attack), "json": [attack: .string(attack)]]],
                "scenarios": [
                    ["name": .string(attack), "steps": [["fill": .string(attack), "value": .string(attack)]]]
                ],
            ]
            let result = try await a.run(TinyApp.files(manifest: ["e2e": plan]), survey: survey)
            try await a.check(result, "")
            let commit = try #require(result.commit, "\(result.errors)")
            // Python reads each file, and finds no name of the attack in its code.
            let check = """
                import ast, sys
                tree = ast.parse(sys.stdin.buffer.read())
                names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
                imports = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
                sys.exit(1 if 'os' in names | imports else 0)
                """
            for file in ["test_api", "test_pages", "test_scenarios"] {
                let text = try await a.sandbox.git("-C", a.repository, "show", "\(commit):e2e/\(file).py")
                try a.sandbox.write(text, to: "\(file).py")
                let read = try await a.sandbox.run("sh", ["-c", "python3 -c \"$1\" < \(file).py", "sh", check])
                #expect(read.succeeded, "\(file): \(read.errorText)\n\(text)")
            }
        }
    }

    @Test("links in the project are neither read nor written through")
    func links() async throws {
        try await Self.arranged { a in
            let directory = a.canary.directory
            try a.sandbox.write("def test_x(): pass\n", to: "outside-tests/test_own.py")
            for (name, target, code) in [
                ("e2e", directory, "PATH_OUTSIDE_WORKSPACE"),
                ("e2e", a.sandbox.path + "/outside-tests", "PATH_OUTSIDE_WORKSPACE"),
                ("e2e/conftest.py", directory + "/absent.py", "PATH_OUTSIDE_WORKSPACE"),
                ("e2e/test_api.py", a.canary.file, nil),
                ("baton.json", directory + "/folder/secret.json", "INVALID_MANIFEST"),
            ] {
                var files = TinyApp.files()
                if name == "baton.json" { files[name] = nil as String? }
                let result = try await a.run(files, links: [name: target])
                if let code { #expect(result.errors.map(\.code) == [code], "\(name): \(result.errors)") }
                try await a.check(result, name)
            }
        }
    }

    @Test(
        "what tests leave as pictures and traces is taken from their own folder only, and bounded",
        arguments: [
            "ln -s '%f' $1/x.png", "ln -s '%f' $1/x.trace.zip", "ln -s '%f' $1/../trace.zip", "rm -r $1; ln -s '%d' $1",
            "mkfifo $1/x.png $1/x.trace.zip", "mkdir $1/x.png", "truncate -s 10G $1/x.png $1/y.trace.zip",
            "i=0; while [ $i -lt 300 ]; do truncate -s 9M $1/$i.png; i=$((i+1)); done", "ln -sf '%f' $1/../junit.xml",
            "rm $1/../junit.xml; mkfifo $1/../junit.xml", "ln -s /dev/zero $1/x.png",
        ])
    func leftovers(script: String) async throws {
        try await Self.arranged { a in
            let tests = script.split(separator: "%f").joined(separator: a.canary.file)
                .split(separator: "%d").joined(separator: a.canary.directory)
            let clock = ContinuousClock()
            let begun = clock.now
            let result = try await a.run(TinyApp.files(), tests: tests)
            #expect(begun.duration(to: clock.now) < .seconds(45))
            try await a.check(result, script)
            let report = a.sandbox.artifact("e2e-report.html", of: result)?.count ?? 0
            #expect(report < 16 << 20, "the report has \(report) bytes")
            #expect(result.status == .success || result.errors.allSatisfy { !$0.message.isEmpty })
        }
    }

    @Test(
        "nothing is written through a link: neither generated tests nor accepted pictures", arguments: ["ln", "ln -s"])
    func written(link: String) async throws {
        try await Self.arranged { a in
            let page: JSONValue = [
                "path": "/", "status": 200, "content_type": "text/html", "title": "t", "screenshot": "first.png",
                "phone_screenshot": nil,
            ]
            let plain = try await a.run(
                TinyApp.files(), survey: ["pages": [page]], tests: "echo picture > $1/../first.png")
            #expect(plain.status == .success, "\(plain.errors)")
            let folder = a.sandbox.data + "/e2e-accepted"
            let accepted = try #require(
                FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }
                    .first { $0.hasSuffix("first.png") })
            // As another run might have left it, or the project's own commands.
            let install: JSONValue = [
                ["sh", "-c", .string("mkdir -p e2e; \(link) '\(a.canary.file)' e2e/conftest.py")],
                ["sh", "-c", .string("\(link) -f '\(a.canary.file)' '\(folder)/\(accepted)'")],
            ]
            let result = try await a.run(
                TinyApp.files(manifest: ["commands": ["install": install, "start": [["node", "server.js"]]]]),
                survey: ["pages": [page]], tests: "echo picture > $1/../first.png")
            try await a.check(result, link)
            if link == "ln" {
                #expect(result.status == .success, "\(result.errors)")
                #expect(result.output["generated"] == true)
                #expect(a.sandbox.read(folder + "/" + accepted) == "picture\n")
            } else {
                #expect(result.errors.map(\.code) == ["PATH_OUTSIDE_WORKSPACE"], "\(result.errors)")
                try FileManager.default.removeItem(atPath: folder + "/" + accepted)
            }
        }
    }

    @Test("a survey that names pictures elsewhere gets none of them")
    func survey() async throws {
        try await Self.arranged { a in
            for path in [
                a.canary.file, "../../../../../../../../../../../.." + a.canary.file, "tests/../../../x", "/dev/zero",
                "x\u{0}",
            ] {
                let page: JSONValue = [
                    "path": "/", "status": 200, "content_type": "text/html", "title": "t", "screenshot": .string(path),
                    "phone_screenshot": .string(path),
                ]
                let result = try await a.run(TinyApp.files(), survey: ["pages": [page]])
                try await a.check(result, path)
            }
        }
    }

    @Test("variables of the agent stay with the agent")
    func environment() async throws {
        try await Self.arranged { a in
            let script = a.sandbox.path + "/script"
            try a.sandbox.write("#!/bin/sh\n'\(a.canary.command)'\n", to: script)
            chmod(script, 0o755)
            let result = try await a.run(
                TinyApp.files(), tests: "env > $1/x.png",
                environment: [
                    "GIT_DIR": a.canary.directory, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor",
                    "GIT_CONFIG_VALUE_0": script, "LD_PRELOAD": a.canary.file,
                    "NODE_OPTIONS": "--require \(a.canary.file)",
                    "PYTHONPATH": a.canary.directory, "PYTHONSTARTUP": script, "BASH_ENV": script, "ENV": script,
                    "API_TOKEN": a.canary.word, "DATABASE_URL": "postgres://x:\(a.canary.word)@h/d",
                ])
            #expect(result.status == .success, "\(result.errors)")
            try await a.check(result, "")
        }
    }
}
