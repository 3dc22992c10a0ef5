import JSONTools
import Testing
import WorkflowCore
import WorkflowDefinitions

@Suite struct DefinitionParserTests {
    static let full = """
        name: pipeline
        description: Everything that a definition can say
        input:
          type: object
          properties: { depth: {type: integer, default: 1} }
        defaults: { timeout: 1h30m, retry: {max_attempts: 5, jitter: none} }
        total_timeout: 4h
        stages:
          - name: build
            agent: builder
            workspace: write
          - name: check-all
            agent: checker
            action: inspect
            workspace: none
            needs: [build]
            with: { depth: "{{ input.depth }}", plan: {"of": ["{{ stages.build.output.plan }}"]} }
            if: "{{ input.skip != true }}"
            required: false
            timeout: 250ms
            retry: { initial: 2s, factor: 1.5, max: 2m }
            on_failure: continue
            on_partial: continue
            automation: fully_auto
          - name: last_1
            agent: checker
            if: true
        """

    @Test("Every field is read, and defaults are filled in")
    func fields() throws {
        let definition = try DefinitionParser.parse(text: Self.full, fileName: "any-name.yaml")
        #expect(definition.name == "pipeline")
        #expect(definition.description == "Everything that a definition can say")
        #expect(definition.input?["properties"]?["depth"]?["default"] == 1)
        #expect(definition.totalTimeout == .seconds(14_400))
        #expect(definition.stages.map(\.name) == ["build", "check-all", "last_1"])

        let build = try #require(definition.stage(named: "build"))
        #expect(build.agent == "builder" && build.action == "build" && build.workspace == .write && build.required)
        #expect(build.needs.isEmpty && build.condition == nil && build.with == .empty)
        #expect(build.timeout == .seconds(5400))
        #expect(build.retry == RetryPolicy(maxAttempts: 5, jitter: .none))
        #expect(build.onFailure == .fail && build.onPartial == .fail)

        let check = try #require(definition.stage(named: "check-all"))
        #expect(check.action == "inspect" && check.workspace == .none && check.needs == ["build"] && !check.required)
        #expect(check.condition?.source == "input.skip != true")
        #expect(check.timeout == .milliseconds(250))
        #expect(
            check.retry
                == RetryPolicy(maxAttempts: 5, initial: .seconds(2), factor: 1.5, max: .seconds(120), jitter: .none))
        #expect(check.onFailure == .continue && check.onPartial == .continue)
        #expect(check.readsOutputs == ["build"])
        #expect(definition.inputCommitStage(of: "check-all") == "build")

        let last = try #require(definition.stage(named: "last_1"))
        #expect(last.needs == ["check-all"] && last.condition?.source == "true")
        #expect(definition.index(of: "last_1") == 2 && definition.index(of: "nope") == nil)
    }

    @Test("A stage needs the one before it by default, and the first needs none")
    func needs() throws {
        let text = "name: a\nstages: [{name: s, agent: x}, {name: t, agent: x}, {name: u, agent: x, needs: [t, s]}]"
        let definition = try DefinitionParser.parse(text: text, fileName: "a.yaml")
        #expect(definition.stages.map(\.needs) == [[], ["s"], ["t", "s"]])
    }

    @Test("Stages that need the same one stand beside each other, and a stage may need several")
    func parallel() throws {
        let text = """
            name: a
            stages:
              - {name: fork, agent: x, workspace: write}
              - {name: left, agent: x, workspace: write, needs: [fork]}
              - {name: right, agent: x, needs: [fork], with: {a: "{{ stages.fork.commit }}"}}
              - {name: free, agent: x, needs: []}
              - {name: join, agent: x, workspace: write, needs: [left, right, free]}
              - {name: last, agent: x, if: "{{ stages.right.status == 'completed' }}"}
            """
        let definition = try DefinitionParser.parse(text: text, fileName: "a.yaml")
        #expect(definition.stages.map(\.name) == ["fork", "left", "right", "free", "join", "last"])
        #expect(definition.stages.map(\.needs) == [[], ["fork"], ["fork"], [], ["left", "right", "free"], ["join"]])
        let commits = definition.stages.map { definition.inputCommitStage(of: $0.name) }
        #expect(commits == [nil, "fork", "fork", nil, "left", "join"])
        #expect(definition.dependents(of: "fork") == ["left", "right", "join", "last"])
        #expect(definition.stage(named: "last")?.readsOutputs == ["right", "join"])
    }

    @Test("A stage may need a later one of the file; the stages are then put into an order in which they can run")
    func order() throws {
        let text = """
            name: a
            stages:
              - {name: report, agent: x, workspace: write, needs: [left, right]}
              - {name: left, agent: x, workspace: write, needs: [fork]}
              - {name: right, agent: x, needs: [fork]}
              - {name: fork, agent: x, workspace: write, needs: []}
              - {name: last, agent: x}
            """
        let definition = try DefinitionParser.parse(text: text, fileName: "a.yaml")
        #expect(definition.stages.map(\.name) == ["fork", "left", "right", "report", "last"])
        #expect(definition.stages.map(\.needs) == [[], ["fork"], ["fork"], ["left", "right"], ["fork"]])
        #expect(definition.inputCommitStage(of: "report") == "left")
        #expect(try DefinitionParser.parse(value: definition.canonicalJSON(), name: "a") == definition)
    }

    @Test("Canonical JSON is a definition file, and reading it in either way gives the same definition")
    func roundTrip() throws {
        let definition = try DefinitionParser.parse(text: Self.full, fileName: "a.yaml")
        let canonical = definition.canonicalJSON()
        #expect(try WorkflowDefinition(canonicalJSON: canonical) == definition)
        #expect(try DefinitionParser.parse(value: canonical, name: "a") == definition)
        #expect(try DefinitionParser.parse(text: canonical.prettyPrinted(), fileName: "a.json") == definition)
        #expect(try DefinitionParser.parse(text: canonical.prettyPrinted(), fileName: "a.yaml") == definition)
    }

    @Test("The content hash does not depend on layout, order of keys, comments or what is said by default")
    func contentHash() throws {
        let plain = """
            name: a
            stages:
              - name: s
                agent: x
                with: {a: 1, b: "{{ input.c }}"}
            """
        let other = """
            # The same, written differently
            stages: [{with: {"b": '{{ input.c }}', a: 1.0}, needs: [], timeout: 600s, "agent": "x", action: s, name: s,
                      retry: {max_attempts: 3}, workspace: read, required: true}]
            name: "a"
            """
        let changed = plain.replacing("a: 1", with: "a: 2")
        let hashes = try [plain, other, changed].map {
            try DefinitionParser.parse(text: $0, fileName: "a.yaml").contentHash
        }
        #expect(hashes[0] == hashes[1])
        #expect(hashes[0] != hashes[2])
        // The hash is stored with workflows, so a change of the canonical form must be noticed.
        #expect(hashes[0] == "49e389a42e6a8e942342c1fd74e5196bcfac36ec7c9a5783756d7bfdce573c12")
    }

    @Test("JSON files give the same faults, with the places in the JSON")
    func json() {
        let text = """
            {
              "name": "a",
              "stages": [
                {"name": "s", "agent": "x", "with": {"é\\n": [], "k": "{{ inptu }}"}},
                {"name": "t", "agent": "X", "tiemout": 3}
              ]
            }
            """
        let error = #expect(throws: DefinitionErrors.self) {
            try DefinitionParser.parse(text: text, fileName: "a.json")
        }
        #expect(
            error?.faults.map(\.description) == [
                "4:62: found the unknown name 'inptu'; expected one of input, workflow, stages, env; did you mean 'input'? "
                    + "(column 4 of `{{ inptu }}`)",
                "5:28: found 'X'; \(DefinitionRuleTests.nameRule)",
                "5:33: found the unknown field 'tiemout' in a stage; did you mean 'timeout'?",
            ])
    }

    @Test("JSON values give the same faults, with pointers instead of places")
    func values() {
        let error = #expect(throws: DefinitionErrors.self) {
            try DefinitionParser.parse(value: ["name": "a", "stages": [["name": "s", "agent": 1]]], name: "request")
        }
        #expect(error?.description == "request:/stages/0/agent: found an integer; \(DefinitionRuleTests.nameRule)")
        #expect(error?.faults.first?.position == .unknown)
    }

    static let unreadable: [(String, String, String)] = [
        (
            "a.yaml", "name: a\nname: b\nstages: []\n",
            "1:1: found 'name' more than once in a mapping; expected each key once"
        ),
        (
            "a.yaml", "name: [a\n",
            "2:1: this is not YAML: while parsing a flow sequence, did not find expected ',' or ']'"
        ),
        (
            "a.yaml", "name: a\n\tb: c\n",
            "2:1: this is not YAML: while scanning a plain scalar, found a tab character that violates indentation"
        ),
        ("a.yaml", "name: \"a\u{1}\"\n", "1:9: this is not YAML: control characters are not allowed"),
        (
            "a.yaml", "name: a\n---\nname: b\n",
            "2:1: this is not YAML: expected a single document in the stream, but found another document"
        ),
        (
            "a.yaml", "name: a\ndefaults: &d {timeout: 1m}\nü: [*d]\n",
            "3:5: found the alias '*d'; anchors and aliases are not supported: repeat the value"
        ),
        (
            "a.yaml", "name: !!binary abcd\n",
            "1:7: found the tag 'tag:yaml.org,2002:binary'; tags are not supported, except !!str"
        ),
        ("a.yaml", "name: a\n<<: {b: 1}\n", "2:1: found '<<'; merge keys are not supported"),
        ("a.yaml", "[a]: b\n", "1:1: found a list or mapping as key; expected a name"),
        ("a.yaml", "name: .inf\n", "1:7: found the number '.inf'; expected one that JSON can express"),
        (
            "a.yaml", "a: " + String(repeating: "[", count: 70) + String(repeating: "]", count: 70),
            "1:68: found values nested beyond 64 levels; expected fewer"
        ),
        (
            "a.json", "{\"name\": \"a\",}",
            "1:14: this is not JSON: found '}' where a member's name in double quotes is expected"
        ),
        ("a.json", "", "1:1: this is not JSON: the text ends where a value is expected"),
    ]

    @Test("Text that cannot be read says where", arguments: unreadable)
    func broken(fileName: String, text: String, fault: String) {
        let error = #expect(throws: DefinitionErrors.self) {
            try DefinitionParser.parse(text: text, fileName: fileName)
        }
        #expect(error?.faults.map(\.description) == [fault])
    }

    static let scalars: [(String, JSONValue)] = [
        ("text", "text"), ("'1'", "1"), ("\"true\"", "true"), ("!!str 5", "5"), ("yes", "yes"), ("on", "on"),
        ("No", "No"),
        ("true", true), ("FALSE", false), ("null", nil), ("~", nil), ("", nil), ("0", 0), ("-12", -12), ("+5", 5),
        ("007", 7),
        ("0o17", 15), ("0xFf", 255), ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("-2.5E-1", -0.25),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"), ("2024-01-01", "2024-01-01"), ("1.2.3", "1.2.3"), ("0x", "0x"), ("0o9", "0o9"),
        ("e3", "e3"),
        ("-", nil), (".", "."), ("18446744073709551616", 18_446_744_073_709_551_616.0),
        ("|\n      a\n      b\n", "a\nb\n"),
        (#""a\u0000b""#, "a\u{fffd}b"),
    ]

    @Test("Plain scalars mean what YAML 1.2 says", arguments: scalars)
    func scalar(text: String, expected: JSONValue) throws {
        let file = "name: a\nstages:\n  - name: s\n    agent: x\n    with:\n     v: \(text == "-" ? "" : text)\n"
        let definition = try DefinitionParser.parse(text: file, fileName: "a.yaml")
        #expect(definition.stages[0].with.source["v"] == expected)
    }
}
