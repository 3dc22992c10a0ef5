import FoundationEssentials
import JSONTools
import Testing
import WorkflowCore
import WorkflowDefinitions

@Suite struct BuiltInDefinitionTests {
    /// The directory with the definitions that come with Baton.
    static let directory =
        #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 } + "/share/definitions"

    private func catalog() throws -> DefinitionCatalog {
        let catalog = DefinitionCatalog.load(directories: [Self.directory])
        #expect(catalog.errors.isEmpty, "\(catalog.errors.map(\.description).joined(separator: "\n"))")
        return catalog
    }

    @Test("All built-in definitions are valid, and their files are called like them")
    func valid() throws {
        let catalog = try catalog()
        #expect(catalog.names == ["app", "bugfix", "feature", "noop", "noop-diamond", "noop6", "service"])
        for (name, entry) in catalog.entries { #expect(entry.path == "\(Self.directory)/\(name).yaml") }
    }

    @Test("The workflow types have the stages and agents that are documented")
    func stages() throws {
        let catalog = try catalog()
        let app = [
            "initialization:scaffold", "scaffolding:scaffold", "dependency_installation:scaffold",
            "validation:validation", "e2e_testing:e2e", "integration:integration", "deployment:deployment",
        ]
        let expected = [
            "app": app,
            "feature": Array(app.dropLast()),
            "bugfix": [app[0], app[3], app[4], app[5]],
            "service": app.filter { $0 != "e2e_testing:e2e" },
            "noop": app,
            "noop6": app.filter { !$0.hasPrefix("dependency") },
            "noop-diamond": [
                "prepare:scaffold", "lint:validation", "browse:e2e", "package:scaffold", "join:integration",
                "publish:deployment",
            ],
        ]
        for (name, stages) in expected {
            let definition = try #require(catalog[name])
            #expect(definition.stages.map { "\($0.name):\($0.agent)" } == stages, "\(name)")
            let isNoop = name.hasPrefix("noop")
            for stage in definition.stages { #expect(stage.action == (isNoop ? "noop" : stage.name)) }
        }
    }

    @Test("Each stage starts from the commit of the last writer")
    func commits() throws {
        let app = try #require(try catalog()["app"])
        let commits = app.stages.map { app.inputCommitStage(of: $0.name) }
        let expected: [String?] = [
            nil, "initialization", "scaffolding", "dependency_installation", "dependency_installation", "e2e_testing",
            "integration",
        ]
        #expect(commits == expected)
        let noop = try #require(try catalog()["noop"])
        #expect(noop.stages.allSatisfy { $0.workspace == .none && noop.inputCommitStage(of: $0.name) == nil })
        let diamond = try #require(try catalog()["noop-diamond"])
        #expect(
            diamond.stages.map(\.needs)
                == [[], ["prepare"], ["prepare"], ["prepare"], ["lint", "browse", "package"], ["join"]])
        #expect(diamond.stages.filter { !$0.required }.map(\.name) == ["package"])
    }

    @Test("Templates of the built-in definitions render with the least and with the most input")
    func templates() throws {
        let catalog = try catalog()
        let app = try #require(catalog["app"])
        let done = ExpressionScope.StageView(status: "completed", output: ["plan": ["stack": "node"]])
        var scope = ExpressionScope(stages: ["initialization": done])
        func payload(_ definition: WorkflowDefinition, _ stage: String) throws -> JSONValue {
            try #require(definition.stage(named: stage)).with.render(in: scope)
        }
        #expect(try payload(app, "scaffolding") == ["plan": ["stack": "node"]])
        #expect(try payload(app, "integration") == ["target_branch": "main"])
        let least: JSONValue = [
            "target": "process", "options": nil, "environment": nil, "port": nil, "strategy": nil,
        ]
        #expect(try payload(app, "deployment") == least)
        scope.input = [
            "deployment_target": "docker", "deployment_port": 8080, "deployment_strategy": "canary",
            "target_branch": "trunk", "deployment_options": ["registry": "r"],
            "deployment_environment": ["KEY": ["secret": "NAME"]],
        ]
        #expect(try payload(app, "integration") == ["target_branch": "trunk"])
        let most: JSONValue = [
            "target": "docker", "options": ["registry": "r"], "environment": ["KEY": ["secret": "NAME"]], "port": 8080,
            "strategy": "canary",
        ]
        #expect(try payload(app, "deployment") == most)

        let service = try #require(catalog["service"])
        func target(_ input: JSONValue, _ initialized: JSONValue) throws -> JSONValue? {
            scope.stages["initialization"] = .init(status: "completed", output: initialized)
            scope.input = input
            return try payload(service, "integration")["target_branch"]
        }
        #expect(try target([:], ["plan": [:]]) == "main")
        #expect(try target(["repository": "/r"], ["target_branch": "master"]) == "master")
        #expect(try target(["repository": "/r", "target_branch": "next"], ["target_branch": "next"]) == "next")

        let fix = try #require(catalog["bugfix"])
        scope.stages["initialization"] = .init(status: "completed", output: ["target_branch": "master"])
        scope.input = ["repository": "/r", "patch": "x"]
        let fixed: JSONValue = ["repository": "/r", "target_branch": "master", "update_worktree": false]
        #expect(try payload(fix, "integration") == fixed)

        let noop = try #require(catalog["noop"])
        scope.input = [:]
        #expect(try payload(noop, "validation") == ["sleep_ms": 0, "output": ["n": 1], "fail": false])
        scope.input = ["sleep_ms": 5, "fail": ["validation": "broken"]]
        #expect(try payload(noop, "validation") == ["sleep_ms": 5, "output": ["n": 1], "fail": "broken"])
        #expect(try payload(noop, "deployment") == ["sleep_ms": 5, "output": ["n": 1], "fail": false])

        let diamond = try #require(catalog["noop-diamond"])
        scope.stages = [
            "lint": .init(status: "completed", output: ["n": 2]),
            "browse": .init(status: "completed", output: ["n": 3]),
            "package": .init(status: "failed"),
        ]
        let joined: JSONValue = ["lint": 2, "browse": 3, "package": "failed"]
        #expect(try payload(diamond, "join") == ["sleep_ms": 5, "output": joined, "fail": false])
    }

    @Test("Input schemas accept what is documented and nothing else")
    func inputs() throws {
        let catalog = try catalog()
        func violations(_ name: String, _ input: JSONValue) throws -> Int {
            try JSONSchema(try #require(catalog[name]?.input)).validate(input, acceptingSecrets: true).count
        }
        #expect(try violations("app", [:]) == 0)
        #expect(try violations("app", ["stack": "node", "entities": [["name": "task"]], "deployment_port": 80]) == 0)
        #expect(try violations("app", ["deployment_target": "mainframe"]) == 1)
        #expect(try violations("app", ["deployment_port": 70_000]) == 1)
        for name in ["app", "service"] {
            for target: JSONValue in ["process", "docker", "compose", "kubernetes", "ecs"] {
                #expect(try violations(name, ["deployment_target": target]) == 0)
            }
            let variables: JSONValue = ["KEY": "value", "PASSWORD": ["secret": "NAME"]]
            #expect(try violations(name, ["deployment_environment": variables]) == 0)
            #expect(try violations(name, ["deployment_environment": ["KEY": 5]]) == 1)
        }
        #expect(try violations("service", ["repository": "/r", "branch": "b", "target_branch": "next"]) == 0)
        #expect(try violations("app", ["unknown": 1]) == 1)
        for name in ["feature", "bugfix"] {
            #expect(try violations(name, ["repository": "/r", "branch": "b"]) == 0)
            #expect(try violations(name, ["patch": "x"]) == 1, "a repository is needed")
            #expect(try violations(name, ["repository": "/r"]) == 1, "a change is needed")
            #expect(
                try violations(name, ["repository": "/r", "patch": "x", "branch": "b"]) == 1, "one change is enough")
        }
        #expect(try violations("feature", ["repository": "/r", "patch": "x", "update_worktree": true]) == 0)
        let schema = try JSONSchema(try #require(catalog["feature"]?.input))
        let filled = schema.applyingDefaults(to: ["repository": "/r"])
        #expect(filled == ["repository": "/r", "update_worktree": false])
    }

    @Test("Canonical JSON of the built-in definitions gives the same definitions")
    func roundTrip() throws {
        for entry in try catalog().entries.values {
            let definition = entry.definition
            #expect(try WorkflowDefinition(canonicalJSON: definition.canonicalJSON()) == definition)
            let copy = try DefinitionParser.parse(value: definition.canonicalJSON(), name: definition.name)
            #expect(copy.contentHash == definition.contentHash)
        }
    }
}
