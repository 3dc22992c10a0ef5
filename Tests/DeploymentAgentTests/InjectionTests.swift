import AgentProtocol
import AgentTestSupport
import Foundation
import Glibc
import JSONTools
import Testing

@testable import DeploymentAgent

extension DeploymentAgentSuites {
    /// What somebody could try who names a deployment, or whose app is deployed.
    @Suite("deployment under attack")
    struct InjectionTests {
        typealias Stage = DeploymentTests.Stage

        static func arranged(_ body: (Stage, Canary) async throws -> Void) async throws {
            try await DeploymentTests.staged { try await body($0, try Canary(in: $0.sandbox)) }
        }

        @Test("a name that is a path, an option or a command is none, for each action")
        func names() async throws {
            try await Self.arranged { stage, canary in
                let commit = try await stage.sandbox.commit(TinyApp.files(), to: "main", in: stage.repository)
                let names =
                    canary.paths() + canary.paths(to: canary.file) + [
                        "", ".", "..", ".ports.lock", "x/", "é", "a\u{0}",
                    ]
                for name in names
                where !name.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x7A && $0 != 0x5C && $0 != 0x60 })
                    || name.utf8.count > 80
                {
                    for action in name.utf8.count < 4 ? ["deployment", "rollback", "status", "stop"] : ["status"] {
                        let task = stage.sandbox.task(
                            action, payload: ["name": .string(name)], repository: stage.repository, commit: commit,
                            mode: "read")
                        let result = try await stage.run(task)
                        #expect(
                            result.errors.map(\.code) == ["INVALID_NAME"],
                            "\(action) \(name.debugDescription): \(result.errors)")
                        #expect(canary.harm(in: result) == [], "\(action) \(name.debugDescription)")
                    }
                    let asWorkflow = try await stage.run(
                        stage.sandbox.task(
                            "status", payload: [:], workflow: name.utf8.count > 500 ? ".." : name))
                    #expect(asWorkflow.status == .failure)
                    #expect(canary.harm(in: asWorkflow) == [])
                }
                #expect(stage.sandbox.read(stage.sandbox.data + "/deployments") == nil)
            }
        }

        @Test("a release to go back to is one of those there are, whatever it is called")
        func releases() async throws {
            try await Self.arranged { stage, canary in
                let record = AppRecord(
                    name: "tiny-app", port: 4199, status: .stopped, process: nil, release: "0123456789ab",
                    commit: "0123456789ab", health: "/health", log: canary.file, workflowID: "", taskID: "",
                    deployedAt: .now(), history: [])
                var json = record.json.objectValue ?? [:]
                // As a record would say that somebody else wrote.
                json["history"] = .array(
                    canary.paths().map { ["release": .string($0), "commit": .string($0), "outcome": "healthy"] })
                try stage.sandbox.write(JSONValue.object(json).description, to: stage.directory + "/app.json")
                for name in canary.paths() + ["--force", "HEAD", "0123456789ab"] {
                    let result = try await stage.act("rollback", ["to": .string(name)])
                    #expect(
                        result.errors.map(\.code) == ["NO_EARLIER_RELEASE"],
                        "\(name.debugDescription): \(result.errors)")
                    #expect(canary.harm(in: result) == [])
                }
            }
        }

        @Test(
            "a record, a lock or a port that is a pipe, a folder or garbage stops nobody, and nobody is stopped for it")
        func oddFiles() async throws {
            try await Self.arranged { stage, canary in
                let directory = stage.directory
                let odd: [(String, () throws -> Void)] = [
                    ("app.json is a pipe", { mkfifo(directory + "/app.json", 0o600) }),
                    ("app.json is a folder", { mkdir(directory + "/app.json", 0o700) }),
                    ("app.json is a link to a device", { symlink("/dev/zero", directory + "/app.json") }),
                    ("app.json is garbage", { try stage.sandbox.write("\u{0}\u{1}[[[", to: directory + "/app.json") }),
                    (
                        "app.json names process 1",
                        {
                            try stage.sandbox.write(
                                #"{"version": 1, "name": "tiny-app", "port": 4199, "status": "running", "pid": 1, "start_time": 1, "release": "0123456789ab", "commit": "0123456789ab"}"#,
                                to: directory + "/app.json")
                        }
                    ),
                    (
                        "app.json names this process with another start",
                        {
                            try stage.sandbox.write(
                                #"{"version": 1, "name": "tiny-app", "port": 4199, "status": "running", "pid": \#(getpid()), "start_time": 1, "release": "0123456789ab", "commit": "0123456789ab"}"#,
                                to: directory + "/app.json")
                        }
                    ),
                ]
                for (what, arrange) in odd {
                    try stage.sandbox.write("", to: directory + "/releases/.keep")
                    try? FileManager.default.removeItem(atPath: directory + "/app.json")
                    try arrange()
                    for action in ["status", "stop", "rollback"] {
                        let clock = ContinuousClock()
                        let begun = clock.now
                        let result = try await stage.act(action)
                        #expect(begun.duration(to: clock.now) < .seconds(30), "\(what): \(action)")
                        #expect(
                            result.status == .success || result.errors.allSatisfy { !$0.message.isEmpty }, "\(what)")
                        #expect(canary.harm(in: result) == [], "\(what): \(action)")
                    }
                }
            }
        }

        @Test("links in the project lead nowhere: neither manifest, nor what is started")
        func links() async throws {
            try await Self.arranged { stage, canary in
                var files = TinyApp.files()
                files["baton.json"] = nil as String?
                let linked = try await stage.sandbox.commit(
                    links: ["baton.json": canary.directory + "/folder/secret.json"], files: files, to: "linked",
                    in: stage.repository)
                let result = try await stage.run(
                    stage.sandbox.task("deployment", repository: stage.repository, commit: linked, mode: "read"))
                #expect(result.errors.map(\.code) == ["INVALID_MANIFEST"], "\(result.errors)")
                #expect(canary.harm(in: result) == [])
                #expect(AppProcess.marked(stage.directory).isEmpty)
                // Links to elsewhere are files like others: what writes into the release doesn't write through them.
                let through = try await stage.sandbox.commit(
                    links: [
                        "node_modules": canary.directory, "data": canary.directory, "current": canary.directory,
                        "server.log": canary.absent,
                    ],
                    files: TinyApp.files(), to: "through", in: stage.repository)
                let deployed = try await stage.run(
                    stage.sandbox.task("deployment", repository: stage.repository, commit: through, mode: "read"))
                #expect(deployed.status == .success, "\(deployed.errors)")
                #expect(canary.harm(in: deployed) == [])
            }
        }

        @Test("the log of an app that is a pipe or leads elsewhere keeps nobody waiting")
        func logs() async throws {
            try await Self.arranged { stage, canary in
                for (what, arrange): (String, (String) -> Int32) in [
                    ("a pipe", { mkfifo($0, 0o600) }), ("a link", { symlink(canary.file, $0) }),
                    ("a folder", { mkdir($0, 0o700) }),
                ] {
                    try stage.sandbox.write("", to: stage.directory + "/releases/.keep")
                    try? FileManager.default.removeItem(atPath: stage.directory + "/app.log")
                    #expect(arrange(stage.directory + "/app.log") == 0)
                    // Somebody who reads, so that who writes to the pipe nevertheless is told and not kept waiting.
                    let reader = open(stage.directory + "/app.log", O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
                    defer { close(reader) }
                    let clock = ContinuousClock()
                    let begun = clock.now
                    let result = try await stage.deploy(TinyApp.files(version: what))
                    #expect(begun.duration(to: clock.now) < .seconds(60), "\(what)")
                    #expect(result.status == .success, "\(what): \(result.errors)")
                    #expect(canary.harm(in: result) == [], "\(what)")
                    var status = stat()
                    #expect(lstat(stage.directory + "/app.log", &status) == 0)
                    #expect(status.st_mode & S_IFMT == S_IFREG, "\(what): it still is")
                }
            }
        }

        @Test("what an app prints is told without the agent's secrets, from its rehearsal and from its log alike")
        func secretsInLogs() async throws {
            try await Self.arranged { stage, canary in
                let secret = "s3cret-\(canary.word)"
                let encoded = Data("user:\(secret)".utf8).base64EncodedString()
                for (what, isRehearsed) in [("the rehearsal", true), ("the log", false)] {
                    // Only what is started for good has the mark of its deployment.
                    let condition = isRehearsed ? "true" : "process.env.BATON_DEPLOYMENT"
                    let start =
                        "if (\(condition)) { console.error('key \(secret)\\nand \(encoded)\\nthe end'); process.exit(3); }"
                    let result = try await stage.sandbox.run(
                        try await stage.task(TinyApp.files(version: what, start: start)), type: "deployment",
                        actions: DeploymentTests.actions, environment: ["BATON_SECRET_API_KEY": secret])
                    #expect(result.status == .failure, "\(what)")
                    let told = String(decoding: result.encoded(), as: UTF8.self)
                    #expect(told.contains("the end") && told.contains("key [secret API_KEY]"), "\(what): \(told)")
                    #expect(!told.contains(secret) && !told.contains(encoded.dropLast(4)), "\(what)")
                    #expect(canary.harm(in: result) == [], "\(what)")
                }
            }
        }

        @Test("log, record and marks that are hard links of something else are replaced, never written through")
        func hardLinks() async throws {
            try await Self.arranged { stage, canary in
                let first = try await stage.deploy(TinyApp.files(start: "console.log('started');"))
                #expect(first.status == .success, "\(first.errors)")
                let names =
                    FileManager.default.enumerator(atPath: stage.directory)?.compactMap { $0 as? String } ?? []
                let files = names.filter { $0.hasSuffix(".ready") } + ["app.log", "app.json", "app.log.1"]
                #expect(files.count == 4, "\(names)")
                for file in files {
                    let path = stage.directory + "/" + file
                    try? FileManager.default.removeItem(atPath: path)
                    #expect(link(canary.file, path) == 0)
                    let result = try await stage.deploy(
                        TinyApp.files(version: file, start: "console.log('started');"))
                    #expect(result.status == .success, "\(file): \(result.errors)")
                    // What was put aside still is one.
                    for left in files
                    where stage.sandbox.read(stage.directory + "/" + left)?.contains(canary.word) == true {
                        try FileManager.default.removeItem(atPath: stage.directory + "/" + left)
                    }
                    #expect(canary.harm(in: result) == [], "\(file)")
                }
                #expect(stage.sandbox.read(stage.directory + "/app.log")?.contains("started") == true)
            }
        }

        @Test("settings, hooks and filters that come with the work run nothing; nor do variables of the agent's own")
        func contents() async throws {
            try await Self.arranged { stage, canary in
                let script = stage.sandbox.path + "/script"
                try stage.sandbox.write("#!/bin/sh\n'\(canary.command)'\n", to: script)
                chmod(script, 0o755)
                var files = TinyApp.files()
                files[".gitattributes"] = "* filter=x diff=x merge=x ident\n"
                files[".gitmodules"] =
                    "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c \(script)\n\tupdate = !\(script)\n"
                files[".gitconfig"] = "[core]\n\tfsmonitor = \(script)\n"
                _ = try await stage.sandbox.commit(TinyApp.files(version: "0"), to: "main", in: stage.repository)
                for (key, value) in [
                    ("core.fsmonitor", script), ("filter.x.smudge", script), ("uploadpack.packObjectsHook", script),
                ] {
                    try await stage.sandbox.git("-C", stage.repository, "config", key, value)
                }
                let task = try await stage.task(files)
                let result = try await stage.sandbox.run(
                    task, type: "deployment", actions: DeploymentTests.actions,
                    environment: [
                        "GIT_DIR": canary.directory, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor",
                        "GIT_CONFIG_VALUE_0": script, "LD_PRELOAD": canary.file,
                        "NODE_OPTIONS": "--require \(canary.file)",
                        "BASH_ENV": script, "ENV": script, "API_TOKEN": canary.word,
                    ])
                #expect(result.status == .success, "\(result.errors)")
                #expect(canary.harm(in: result) == [])
                // The app itself sees none of it either.
                let seen = try await stage.sandbox.get(try stage.record().url + "/environment") ?? canary.word
                #expect(!seen.contains(canary.word) && !seen.contains("NODE_OPTIONS") && !seen.contains("LD_PRELOAD"))
            }
        }

        @Test("paths and commands of the manifest are taken as they are: no shell, no glob, no way out")
        func manifests() async throws {
            try await Self.arranged { stage, canary in
                for (manifest, codes): (JSONObject, [String]) in [
                    (["health": "/[1-99999999]{a,b}"], []), (["health": "//127.0.0.1:9/"], ["INVALID_MANIFEST"]),
                    (["health": "/ -o \(canary.absent)"], ["INVALID_MANIFEST"]),
                    (["commands": ["start": [["node server.js; \(canary.command)"]]]], ["TOOL_MISSING"]),
                    (["commands": ["start": [["$(\(canary.command))"]]]], ["TOOL_MISSING"]),
                    (
                        ["commands": ["start": [["../../../../../../../../../../../..\(canary.directory)/nothing"]]]],
                        ["TOOL_MISSING"]
                    ),
                    (
                        ["commands": ["install": [["true", "x\u{0}y"]], "start": [["node", "server.js"]]]],
                        ["INVALID_MANIFEST", ""]
                    ),
                ] {
                    let result = try await stage.deploy(
                        TinyApp.files(manifest: manifest), payload: ["health_timeout_seconds": 3])
                    if result.status == .failure, !codes.isEmpty {
                        #expect(result.errors.allSatisfy { codes.contains($0.code) }, "\(manifest): \(result.errors)")
                    }
                    #expect(canary.harm(in: result) == [], "\(manifest)")
                }
            }
        }
    }
}
