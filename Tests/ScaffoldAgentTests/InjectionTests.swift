import AgentProtocol
import AgentRuntime
import AgentTestSupport
import Foundation
import Glibc
import JSONTools
import Testing

@testable import ScaffoldAgent

/// What somebody could try who writes the input, a given repository or a template.
@Suite("scaffold under attack")
struct InjectionTests {
    struct Arrangement {
        let trial: ScaffoldTrial
        let sandbox: Sandbox
        let canary: Canary
        let origin: String

        /// `initialization` on the given repository.
        func change(
            _ input: JSONObject, type: String = "bugfix", environment: [String: String] = [:]
        ) async throws -> TaskResult {
            var input = input
            if input["repository"] == nil { input["repository"] = .string(origin) }
            return try await trial.run(
                "initialization", name: "fix", input: input, type: type, environment: environment)
        }

        /// Checks that nothing was done outside, and nothing from there was taken along.
        func check(_ result: TaskResult, _ comment: String) async throws {
            #expect(canary.harm(in: result) == [], "\(comment)")
            #expect(result.status == .success || result.errors.allSatisfy { !$0.message.isEmpty }, "\(comment)")
            if let commit = result.commit {
                #expect(try await !canary.isIn(commit, of: trial.repository), "\(comment): the word is in the commit")
            }
        }
    }

    static func arranged(_ body: (Arrangement) async throws -> Void) async throws {
        try await Sandbox.with { sandbox in
            let origin = sandbox.path + "/origin.git"
            try await sandbox.commit(["sum.js": "wrong\n"], to: "main", in: origin)
            try await body(
                Arrangement(
                    trial: ScaffoldTrial(sandbox: sandbox), sandbox: sandbox, canary: try Canary(in: sandbox),
                    origin: origin))
        }
    }

    @Test("a branch is a name, not an option, a path or a revision")
    func branches() async throws {
        try await Self.arranged { a in
            let run = a.canary.command
            let names = [
                "--upload-pack=\(run)", "-u\(run)", "main^{/x}", "main:refs/heads/x", "+main", "@{-1}", "HEAD", "a b",
                "a\nb",
            ]
            for name in names + a.canary.paths() {
                for key in name.hasPrefix("-") ? ["branch", "target_branch"] : ["branch"] {
                    var input: JSONObject = [key: .string(name)]
                    if key == "target_branch" { input["patch"] = .string(RepositoryChangeTests.patch) }
                    let result = try await a.change(input)
                    #expect(result.status == .failure, "\(key) \(name.debugDescription)")
                    let codes = ["INVALID_INPUT", "BRANCH_MISSING"]
                    #expect(
                        result.errors.allSatisfy { codes.contains($0.code) },
                        "\(name.debugDescription): \(result.errors)")
                    try await a.check(result, name)
                }
            }
        }
    }

    @Test("a repository or template that would run something, or is none, is refused")
    func locations() async throws {
        try await Self.arranged { a in
            let run = a.canary.command
            let locations = [
                "ext::sh -c \(run)", "ext::\(run) %S x", "fd::17", "--upload-pack=\(run)", "-c core.sshCommand=\(run)",
                "git://127.0.0.1:9/x",
                "ssh://-oProxyCommand=\(run)/x", "git@-oProxyCommand=\(run):x", "https://-x/y", "file://host/x",
                "file:x", "relative",
                "..", "/dev/zero", "/dev/stdin", a.canary.file, "\(a.canary.directory)/folder",
                "http://127.0.0.1:9/\n\(run)",
                "\(a.origin)#--upload-pack=\(run)", "\(a.origin)#..", "/\u{0}", "FILE:///etc",
                String(repeating: "/a", count: 3000),
            ]
            for location in locations {
                let changed = try await a.change(["repository": .string(location), "branch": "main"])
                #expect(changed.status == .failure, "\(location)")
                try await a.check(changed, location)
                let made = try await a.trial.run("initialization", input: ["template": .string(location)])
                #expect(made.status == .failure, "\(location)")
                let codes = ["INVALID_INPUT", "TEMPLATE_UNREACHABLE", "TEMPLATE_INVALID"]
                #expect(made.errors.allSatisfy { codes.contains($0.code) }, "\(location): \(made.errors)")
                try await a.check(made, location)
            }
        }
    }

    @Test("what a given repository brings along runs nothing: hooks, settings, filters, submodules")
    func repositorySettings() async throws {
        try await Self.arranged { a in
            let script = a.sandbox.path + "/script"
            try a.sandbox.write("#!/bin/sh\n'\(a.canary.command)'\ncat >/dev/null\n", to: script)
            chmod(script, 0o755)
            let project = a.sandbox.path + "/project"
            try await a.sandbox.git("clone", "--quiet", a.origin, project)
            try a.sandbox.write("* filter=x diff=x merge=x\n", to: project + "/.gitattributes")
            try a.sandbox.write(
                "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c \(script)\n\tupdate = !\(script)\n",
                to: project + "/.gitmodules")
            try await a.sandbox.git("-C", project, "add", "--all")
            try await a.sandbox.git("-C", project, "commit", "--quiet", "-m", "planted")
            for key in [
                "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "uploadpack.packObjectsHook",
                "diff.external",
                "core.alternateRefsCommand", "filter.x.clean", "filter.x.smudge", "filter.x.process", "merge.x.driver",
                "gpg.program",
                "credential.helper", "core.gitProxy",
            ] { try await a.sandbox.git("-C", project, "config", key, script) }
            for hook in [
                "post-checkout", "pre-commit", "post-commit", "pre-push", "post-index-change", "reference-transaction",
                "post-rewrite",
            ] {
                try a.sandbox.write("#!/bin/sh\n'\(a.canary.command)'\n", to: "\(project)/.git/hooks/\(hook)")
                chmod("\(project)/.git/hooks/\(hook)", 0o755)
            }
            for input: JSONObject in [["patch": .string(RepositoryChangeTests.patch)], ["branch": "main"], [:]] {
                var input = input
                input["repository"] = .string(project)
                let result = try await a.change(input, type: input.count == 1 ? "app" : "bugfix")
                #expect(result.status == .success || result.errors.map(\.code) == ["NOTHING_TO_DO"], "\(result.errors)")
                try await a.check(result, "\(input)")
            }
        }
    }

    @Test("variables of the agent's own environment don't steer git")
    func environment() async throws {
        try await Self.arranged { a in
            let script = a.sandbox.path + "/script"
            try a.sandbox.write("#!/bin/sh\n'\(a.canary.command)'\n", to: script)
            chmod(script, 0o755)
            let result = try await a.change(
                ["patch": .string(RepositoryChangeTests.patch)],
                environment: [
                    "GIT_DIR": a.canary.directory, "GIT_WORK_TREE": a.canary.directory,
                    "GIT_INDEX_FILE": a.canary.absent,
                    "GIT_SSH_COMMAND": script, "GIT_EXTERNAL_DIFF": script, "GIT_CONFIG_COUNT": "1",
                    "GIT_CONFIG_KEY_0": "core.fsmonitor",
                    "GIT_CONFIG_VALUE_0": script, "GIT_TEMPLATE_DIR": a.canary.directory, "LD_PRELOAD": a.canary.file,
                    "GIT_OBJECT_DIRECTORY": a.canary.directory, "GIT_TRACE": a.canary.absent, "EVIL=x": "y",
                ])
            #expect(result.status == .success, "\(result.errors)")
            try await a.check(result, "environment")
        }
    }

    /// A patch that makes a file with one line.
    static func patch(making path: String) -> String {
        "diff --git a/\(path) b/\(path)\nnew file mode 100644\n--- /dev/null\n+++ b/\(path)\n@@ -0,0 +1 @@\n+planted\n"
    }

    @Test("a patch changes the repository's files and no others")
    func patches() async throws {
        try await Self.arranged { a in
            for path in a.canary.paths() where !path.contains("\n") && !path.contains("\0") {
                let result = try await a.change(["patch": .string(Self.patch(making: path))])
                try await a.check(result, path)
                let text = "\(result.errors)"
                #expect(
                    result.status == .success || text.contains("INVALID_INPUT")
                        || text.contains("PATCH_DOES_NOT_APPLY"), "\(text)")
            }
            // A link first, and then a file through it; or the file replaced by a link.
            let link =
                "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+\(a.canary.directory)\n\\ No newline at end of file\n"
            let through = try await a.change(["patch": .string(link + Self.patch(making: "l/planted"))])
            #expect(through.errors.map(\.code) == ["PATCH_DOES_NOT_APPLY"], "\(through.errors)")
            try await a.check(through, "through a link")
            let only = try await a.change(["patch": .string(link)])
            try await a.check(only, "a link alone")
            let git = try await a.change(["patch": .string(Self.patch(making: ".git/hooks/post-commit"))])
            #expect(git.errors.map(\.code) == ["PATCH_DOES_NOT_APPLY"], "\(git.errors)")
            for garbage in ["\u{0}\u{1}\u{2}", String(repeating: "-", count: 60_000), "GIT binary patch\n"] {
                let result = try await a.change(["patch": .string(garbage)])
                #expect(result.status == .failure)
                try await a.check(result, "garbage")
            }
        }
    }

    @Test("links in a repository are neither read nor written through")
    func links() async throws {
        try await Self.arranged { a in
            let directory = a.canary.directory
            for (name, target) in [
                ("baton.json", directory + "/folder/secret.json"), (".baton", directory),
                (".baton/plan.json", directory + "/folder/secret.json"),
                ("package.json", directory + "/folder/secret.json"), ("package-lock.json", directory + "/absent.json"),
                ("requirements.in", a.canary.file), ("requirements.txt", directory + "/absent.txt"),
            ] {
                let repository = a.sandbox.path + "/linked-\(UInt32.random(in: .min ... .max)).git"
                var files: [String: String?] = [
                    "baton.json": #"{"version": 1, "name": "x", "commands": {}}"#, "package.json": #"{"name": "x"}"#,
                ]
                if name.hasPrefix("requirements") { files["requirements.in"] = "" }
                files[name] = nil as String?
                let commit = try await a.sandbox.commit(links: [name: target], files: files, to: "main", in: repository)
                try await a.sandbox.git("clone", "--quiet", "--bare", repository, a.trial.repository)
                for action in ["initialization", "scaffolding", "dependency_installation"] {
                    let result = try await a.trial.run(action, name: "shop", commit: commit)
                    try await a.check(result, "\(action) with a link \(name)")
                    if result.status == .failure {
                        let codes = ["PATH_OUTSIDE_WORKSPACE", "NO_PLAN", "INVALID_MANIFEST", "MANIFEST_MISSING"]
                        #expect(
                            result.errors.allSatisfy { codes.contains($0.code) }, "\(action) \(name): \(result.errors)")
                    }
                }
                try FileManager.default.removeItem(atPath: a.trial.repository)
            }
        }
    }

    @Test("files that are directories, pipes' names or garbage are refused in words")
    func oddFiles() async throws {
        try await Self.arranged { a in
            let binary = String(decoding: (1...127).map { UInt8($0) }, as: UTF8.self)
            let deep = String(repeating: "[", count: 100_000)
            for name in ["baton.json", "package.json", ".baton/plan.json", "requirements.in"] {
                for (kind, text) in [
                    ("directory", nil), ("binary", binary), ("deep", deep),
                    ("large", String(repeating: " ", count: 2 << 20)),
                ] {
                    var files: [String: String?] = ["baton.json": #"{"version": 1, "name": "x", "commands": {}}"#]
                    files[name] = nil as String?
                    if let text { files[name] = text } else { files[name + "/x"] = "x" }
                    let commit = try await a.sandbox.commit(
                        links: [:], files: files, to: "work-\(UInt32.random(in: .min ... .max))", in: a.trial.repository
                    )
                    for action in ["scaffolding", "dependency_installation"]
                    where !(name == "requirements.in" && kind != "directory") {
                        let result = try await a.trial.run(action, commit: commit)
                        try await a.check(result, "\(action) \(name) \(kind)")
                        let isRead = action == "scaffolding" ? name == ".baton/plan.json" : name == "baton.json"
                        if isRead { #expect(result.status == .failure, "\(action) \(name) \(kind)") }
                    }
                }
            }
        }
    }

    // MARK: Templates

    /// Runs the stages with a template from a git repository.
    static func render(
        _ a: Arrangement, _ files: [String: String?], links: [String: String] = [:]
    ) async throws -> TaskResult {
        let repository = a.sandbox.path + "/t-\(UInt32.random(in: .min ... .max)).git"
        var all: [String: String?] = TemplateSourceTests.files.mapValues { $0 }
        for (file, text) in files { all[file] = text }
        for link in links.keys { all = all.filter { $0.key != link && !$0.key.hasPrefix(link + "/") } }
        _ = try await a.sandbox.commit(links: links, files: all, to: "main", in: repository)
        let input: JSONObject = ["template": .string("file://" + repository)]
        let planned = try await a.trial.run("initialization", name: "shop", input: input)
        try await a.check(planned, "initialization")
        guard planned.status == .success else { return planned }
        return try await a.trial.run("scaffolding", name: "shop", input: input, commit: planned.commit)
    }

    @Test("a template's names of files lead nowhere")
    func templateNames() async throws {
        try await Self.arranged { a in
            for path in [
                a.canary.absent, "../x", "x/../../y", ".git/hooks", "-x", "x\ny",
                String(repeating: "../", count: 99) + "x",
            ] {
                let escaped = JSONValue.string(path).description
                for text in [
                    "layers: [\(escaped)]", "features: [plain, \(escaped)]",
                    "conditions: [{path: \(escaped), option: x}]\noptions: {x: {default: true}}",
                    "manifest: {reports: {junit: \(escaped)}}", "manifest: {health: \(escaped)}",
                    "manifest: {commands: {test: [[\(escaped)]]}}",
                ] {
                    let key = text.prefix { $0 != ":" }
                    let lines = (TemplateSourceTests.files["template.yaml"] ?? "").split(separator: "\n").filter {
                        !$0.hasPrefix(key + ":")
                    }
                    let result = try await Self.render(
                        a, ["template.yaml": lines.joined(separator: "\n") + "\n" + text + "\n"])
                    try await a.check(result, text)
                    if result.status == .failure {
                        let codes = ["TEMPLATE_INVALID", "INVALID_MANIFEST"]
                        #expect(result.errors.allSatisfy { codes.contains($0.code) }, "\(text): \(result.errors)")
                    }
                }
            }
        }
    }

    @Test("a template's entities lie in the project only")
    func templateEntities() async throws {
        try await Self.arranged { a in
            for path in [
                a.canary.absent, "../../../../../../../../../../../..\(a.canary.absent)", ".git/hooks", "x/../../y",
            ] {
                let feature =
                    "summary: s\ndescription: d\nentities: {models: \(JSONValue.string(path).description), description: openapi.json}"
                let result = try await Self.render(a, ["features/plain/feature.yaml": feature])
                try await a.check(result, path)
            }
        }
    }

    @Test("a file is replaced, never written through: what it was a link of stays as it is")
    func hardLinks() async throws {
        try await Self.arranged { a in
            let workspace = a.sandbox.path + "/work"
            for name in ["answers.json", "folder/package.json"] {
                try a.sandbox.write("", to: "work/\(name).new")
                #expect(link(a.canary.file, "\(workspace)/\(name)") == 0)
                #expect(a.canary.harm() == ["secret.txt changed"], "the link can't be seen")
                try WorkspaceWriter(workspace).write(["name": "new"], to: name)
                #expect(a.sandbox.read("work/\(name)")?.contains("new") == true)
                #expect(a.canary.harm() == [], "\(name)")
                #expect(unlink("\(workspace)/\(name)") == 0 && symlink(a.canary.file, "\(workspace)/\(name)") == 0)
                #expect(throws: ActionFailure.self) { try WorkspaceWriter(workspace).write(["name": "new"], to: name) }
                #expect(a.canary.harm() == [], "\(name)")
            }
            // A template of one's own may hold any: they are files like others, and stay what they are.
            for (file, text) in TemplateSourceTests.files { try a.sandbox.write(text, to: "own/" + file) }
            try a.sandbox.write("shared\n", to: "shared.txt")
            #expect(link(a.sandbox.path + "/shared.txt", a.sandbox.path + "/own/base/shared.txt") == 0)
            let input: JSONObject = ["template": .string(a.sandbox.path + "/own")]
            let planned = try await a.trial.run("initialization", name: "shop", input: input)
            let made = try await a.trial.run("scaffolding", name: "shop", input: input, commit: planned.commit)
            #expect(made.status == .success, "\(made.errors)")
            let project = try await a.trial.checkOut(made.commit ?? "")
            #expect(a.sandbox.read(project + "/shared.txt") == "shared\n")
            #expect(a.sandbox.read("shared.txt") == "shared\n")
        }
    }

    @Test("links in a template are not followed out of it, neither files nor folders")
    func templateLinks() async throws {
        try await Self.arranged { a in
            // A whole template that would do, if it were the template's own.
            let outside = a.sandbox.path + "/elsewhere"
            for (file, text) in TemplateSourceTests.files { try a.sandbox.write(text, to: "elsewhere/" + file) }
            try a.sandbox.write("\(a.canary.word)\n", to: "elsewhere/base/own.txt")
            try a.sandbox.write("title: [\(a.canary.word)]\n", to: "elsewhere/wrong.yaml")
            try a.sandbox.write(
                "summary: \(a.canary.word)\ndescription: d\n", to: "elsewhere/features/plain/feature.yaml")
            for (name, target) in [
                ("template.yaml", outside + "/wrong.yaml"), ("features/plain", outside + "/features/plain"),
                ("features/plain/feature.yaml", outside + "/features/plain/feature.yaml"), ("base", outside + "/base"),
                ("base/x.txt", outside + "/base/own.txt"), ("base/sub", outside + "/base"),
                ("partials", outside + "/base"),
                ("features", outside + "/features"), ("features/plain/entities", outside + "/base"),
                ("features/plain/manifest.json.mustache", a.canary.file), ("base", "../../../../elsewhere/base"),
            ] {
                let result = try await Self.render(a, [:], links: [name: target])
                try await a.check(result, "\(name) -> \(target)")
                if result.status == .failure {
                    #expect(result.errors.map(\.code) == ["TEMPLATE_INVALID"], "\(name): \(result.errors)")
                }
            }
        }
    }

    @Test(
        "a template.yaml that grows when it is read, or is none, is refused in words",
        arguments: ["aliases", "keys", "deep", "flow", "binary", "nul"])
    func templateBombs(kind: String) async throws {
        try await Self.arranged { a in
            let laughs = (1...30).map {
                "a\($0): &a\($0) [" + String(repeating: "*a\($0 - 1), ", count: 9) + "*a\($0 - 1)]\n"
            }
            let text =
                switch kind {
                case "aliases": "a0: &a0 [x, x]\n" + laughs.joined() + "manifest: *a30\n"
                case "keys": "a0: &a0 [x, x]\n" + laughs.joined() + "? *a30\n: 1\n? *a29\n: 2\n"
                case "deep": String(repeating: "[", count: 200_000)
                case "flow": String(repeating: "{a: ", count: 50_000)
                case "nul": "version: 1\u{0}\n"
                default: String(decoding: (1...127).map { UInt8($0) }, as: UTF8.self)
                }
            let clock = ContinuousClock()
            let begun = clock.now
            let result = try await Self.render(a, ["template.yaml": text])
            #expect(begun.duration(to: clock.now) < .seconds(45))
            #expect(result.errors.map(\.code) == ["TEMPLATE_INVALID"], "\(result.errors)")
            #expect((result.errors.first?.message.utf8.count ?? 0) < 20_000)
        }
    }

    @Test("a plan in a given repository can't send the agent elsewhere")
    func plans() async throws {
        try await Self.arranged { a in
            let run = a.canary.command
            for location in ["ext::sh -c \(run)", "--upload-pack=\(run)", "relative", "\(a.canary.directory)"] {
                let plan: JSONObject = [
                    "version": 1, "name": "x", "title": "X", "description": "d", "stack": "../../x", "feature": "../x",
                    "template_version": 1, "year": 2026,
                    "template_source": ["location": .string(location), "commit": "--x"],
                ]
                let commit = try await a.sandbox.commit(
                    [".baton/plan.json": JSONValue.object(plan).prettyPrinted()],
                    to: "plan-\(UInt32.random(in: .min ... .max))",
                    in: a.trial.repository)
                let made = try await a.trial.run("scaffolding", commit: commit)
                #expect(made.status == .failure)
                try await a.check(made, location)
                let extended = try await a.change(
                    ["repository": .string(a.trial.repository), "entities": ["task"]], type: "feature")
                #expect(extended.status == .failure)
                try await a.check(extended, location)
            }
        }
    }

    @Test("names and words of the input become text, never paths or commands")
    func words() async throws {
        try await Self.arranged { a in
            for word in [a.canary.absent, "../../x", "a\u{0}b", "-x", "$(\(a.canary.command))", "x\n\"y'", "\u{202E}é"]
            {
                for input: JSONObject in [
                    ["stack": .string(word)], ["feature": .string(word)], ["entities": [.string(word)]],
                    ["entities": [["name": .string(word), "fields": [word: "string"]]]], ["options": [word: true]],
                ] {
                    let result = try await a.trial.run("initialization", name: "shop", input: input)
                    try await a.check(result, "\(input)")
                }
                let named = try await a.trial.run("initialization", name: word, requirements: word)
                try await a.check(named, "as name: \(word.debugDescription)")
            }
        }
    }
}
