import JSONTools
import Testing
import WorkflowCore
import WorkflowDefinitions

@Suite struct DefinitionRuleTests {
    /// A rule with a file that breaks it and what is then said.
    struct Case: Sendable, CustomTestStringConvertible {
        var rule: String
        var text: String
        var faults: [String]

        init(_ rule: String, _ text: String, _ faults: String...) {
            self.rule = rule
            self.text = text
            self.faults = faults
        }

        var testDescription: String { rule }
    }

    static let nameRule = "expected a name: a lower-case letter, then at most 63 of a-z, 0-9, '_' and '-'"

    static let order =
        "expected an order, because a stage starts from exactly one commit: let one need the other, or let only one write"

    static let fields: [Case] = [
        Case(
            "a file holds something", "# nothing\n",
            "1:1: found nothing; expected a definition with the fields name and stages"),
        Case("a definition is a mapping", "- a\n", "1:1: found a list; expected a definition as a mapping"),
        Case(
            "name and stages are needed", "description: x\n", "1:1: found no field 'name'; expected a name",
            "1:1: found no field 'stages'; expected a list of at least one stage"),
        Case(
            "names follow the rule",
            """
            name: My App
            stages:
              - {name: 7, agent: Scaffold}
            """,
            "1:7: found 'My App'; \(nameRule)", "3:12: found an integer; \(nameRule)",
            "3:22: found 'Scaffold'; \(nameRule)"),
        Case(
            "unknown fields are refused, with the nearest known one",
            """
            name: a
            inptu: {}
            colour: red
            stages:
              - name: s
                agent: x
                workspce: write
            """,
            "2:1: found the unknown field 'inptu' in a definition; did you mean 'input'?",
            "3:1: found the unknown field 'colour' in a definition; expected one of name, description, input, defaults, total_timeout, stages",
            "7:5: found the unknown field 'workspce' in a stage; did you mean 'workspace'?"),
        Case(
            "stages are a list", "name: a\nstages: {}\n", "2:9: found a mapping; expected a list of at least one stage"),
        Case(
            "there is a stage", "name: a\nstages: []\n",
            "2:9: found an empty list; expected a list of at least one stage"),
        Case(
            "a stage is a mapping with name and agent", "name: a\nstages:\n  - validation\n  - name: s\n",
            "3:5: found a string; expected a stage as a mapping", "4:5: found no field 'agent'; expected a name"),
        Case(
            "durations have units and limits",
            """
            name: a
            total_timeout: 400d
            defaults: {timeout: 10}
            stages:
              - {name: s, agent: x, timeout: 10 minutes, retry: {initial: 1m30, max: 5m1h}}
              - {name: t, agent: x, timeout: 0s}
              - {name: u, agent: x, timeout: }
            """,
            "2:16: found '400d'; expected at most 365d",
            "3:21: found 10; expected a duration with its unit, as in '10s'",
            "5:34: found '10 minutes'; expected whole numbers with units (d, h, m, s, ms), as in '10m' or '1h30m'",
            "5:63: found '1m30', a number without a unit; expected for example '1m30s'",
            "5:74: found '5m1h'; expected each unit once, the greatest first, as in '1h30m'",
            "6:34: found 0s; expected from 1ms to 30d",
            "7:34: found nothing; expected a duration with its unit, as in '10m'"),
        Case(
            "retry has limits",
            """
            name: a
            stages:
              - name: s
                agent: x
                retry: {max_attempts: 0, factor: 0.5, jitter: some, tries: 3}
              - name: t
                agent: x
                retry: {initial: 2m}
              - name: u
                agent: x
                retry: 3
            """,
            "5:27: found 0; expected a whole number from 1 to 100", "5:38: found 0.5; expected a number from 1 to 100",
            "5:51: found 'some'; expected one of full, none",
            "5:57: found the unknown field 'tries' in retry; expected one of max_attempts, initial, factor, max, jitter",
            "8:22: found initial 2m above max 1m; expected initial to be at most max",
            "11:12: found an integer; expected retry as a mapping"),
        Case(
            "words and truth values are checked",
            """
            name: a
            stages:
              - name: s
                agent: x
                workspace: wirte
                required: yes
                on_failure: ignore
                on_partial: [fail]
            """,
            "5:16: found 'wirte'; expected one of none, read, write; did you mean 'write'?",
            "6:15: found 'yes'; expected true or false", "7:17: found 'ignore'; expected one of fail, continue",
            "8:17: found a list; expected one of fail, continue"),
        Case(
            "continuing after a failure is for stages that are not required",
            "name: a\nstages:\n  - {name: s, agent: x, on_failure: continue}\n",
            "3:37: found 'on_failure: continue' on a required stage; expected 'required: false' beside it"),
        Case(
            "the schema of the input is within our subset, and of an object",
            """
            name: a
            input:
              type: array
              propertis: {}
              properties: {x: {type: strin}}
            stages:
              - {name: s, agent: x}
            """,
            "3:9: found type \"array\"; expected object, because input_data is an object",
            "4:14: the keyword \"propertis\" is not supported; did you mean \"properties\"?",
            "5:26: found \"strin\", expected one of null, boolean, integer, number, string, array, object; did you mean \"string\"?"
        ),
        Case(
            "input and with are mappings",
            "name: a\ninput: text\nstages:\n  - {name: s, agent: x, with: text}\n",
            "2:8: found a string; expected a JSON Schema, as in {type: object, properties: …}",
            "4:31: found a string; expected what the action gets as a mapping"),
        Case(
            "descriptions are text of bounded length",
            "name: a\ndescription: \(String(repeating: "x", count: 4097))\nstages:\n  - {name: s, agent: x}\n",
            "2:14: found 4097 bytes; expected at most 4096"),
    ]

    static let graph: [Case] = [
        Case(
            "names are unique",
            """
            name: a
            stages:
              - {name: s, agent: x}
              - {name: t, agent: x}
              - {name: s, agent: x}
            """,
            "5:12: found a second stage 's'; expected each name once (the first is in line 3)"),
        Case(
            "needs name stages that are there, once, and not the stage itself",
            """
            name: a
            stages:
              - {name: build, agent: x}
              - name: test
                agent: x
                needs: [biuld, test, build, build, No]
              - {name: last, agent: x, needs: build}
            """,
            "6:13: found the need 'biuld', but there is no such stage; did you mean 'build'?",
            "6:20: found stage 'test' needing itself",
            "6:33: found 'build' twice in 'needs'; expected each stage once", "6:40: found 'No'; \(nameRule)",
            "7:35: found 'build'; expected a list of stage names, as in [initialization]"),
        Case(
            "stages do not need each other in a circle",
            """
            name: a
            stages:
              - {name: s, agent: x, needs: [u]}
              - {name: t, agent: x}
              - {name: u, agent: x}
              - {name: v, agent: x, needs: [w]}
              - {name: w, agent: x, needs: [v]}
            """,
            "3:32: found a cycle: 's' needs 'u' needs 't' needs 's'; expected a stage that needs none of the others",
            "6:32: found a cycle: 'v' needs 'w' needs 'v'; expected a stage that needs none of the others"),
        Case(
            "a circle is found wherever it hangs in the graph, once each",
            """
            name: a
            stages:
              - {name: fork, agent: x}
              - {name: left, agent: x, needs: [fork, right]}
              - {name: right, agent: x, needs: [fork, join]}
              - {name: join, agent: x, needs: [left, right]}
            """,
            "4:35: found a cycle: 'left' needs 'right' needs 'join' needs 'left'; expected a stage that needs none of the "
                + "others"),
        Case(
            "writers are ordered",
            """
            name: a
            stages:
              - {name: s, agent: x}
              - {name: t, agent: x, workspace: write}
              - {name: u, agent: x, workspace: write, needs: [s]}
              - {name: join, agent: x, workspace: write, needs: [t, u]}
            """,
            "5:50: found 't' (line 4) and 'u' (line 5) both writing and neither needing the other; expected an order, because "
                + "a stage starts from exactly one commit: let one need the other, or let only one write"),
        Case(
            "every writer off the line of the others is named",
            """
            name: a
            stages:
              - {name: first, agent: x, workspace: write}
              - {name: left, agent: x, workspace: write, needs: [first]}
              - {name: right, agent: x, workspace: write, needs: [first]}
              - name: alone
                agent: x
                workspace: write
                needs: []
            """,
            "5:54: found 'left' (line 4) and 'right' (line 5) both writing and neither needing the other; \(order)",
            "9:12: found 'first' (line 3) and 'alone' (line 6) both writing and neither needing the other; \(order)"),
        Case(
            "what could not be read is not guessed at: no writers are called unordered after it",
            """
            name: a
            stages:
              - {name: first, agent: x, workspace: write}
              - {name: 7, agent: x}
              - {name: second, agent: x, workspace: write}
              - {name: third, agent: x, workspace: write, needs: [frist]}
              - {name: fourth, agent: x, workspace: write}
            """,
            "4:12: found an integer; \(nameRule)",
            "6:55: found the need 'frist', but there is no such stage; did you mean 'first'?"),
        Case(
            "at most 100 stages",
            "name: a\nstages:\n" + (0...100).map { "  - {name: s\($0), agent: x}\n" }.joined(),
            "3:3: found 101 stages; expected at most 100"),
    ]

    static let expressions: [Case] = [
        Case(
            "expressions are checked, to the column",
            """
            name: a
            stages:
              - name: s
                agent: x
                with:
                  a: "{{ inptu.x }}"
                  b: [1, {c: 'text {{ lowr(input.x) }}'}]
                  d: >
                    folded
                    {{ 1 + }}
                if: input.skip
              - {name: t, agent: x, if: [true]}
            """,
            "6:14: found the unknown name 'inptu'; expected one of input, workflow, stages, env; did you mean 'input'? "
                + "(column 4 of `{{ inptu.x }}`)",
            "7:27: found the unknown function 'lowr'; expected one of length, lower, upper, default, join, keys, sum, min, "
                + "max, round, json; did you mean 'lower'? (column 9 of `text {{ lowr(input.x) }}`)",
            "8:10: found '+'; expected a value or an operator; there is no arithmetic in expressions; sum, min, max and "
                + "round work on numbers (column 13 of `folded {{ 1 + }}\n`)",
            "11:9: found text; expected one whole expression, as in \"{{ input.skip != true }}\" (column 1 of `input.skip`)",
            "12:29: found a list; expected an expression, as in \"{{ input.skip != true }}\""),
        Case(
            "expressions read only stages that are needed",
            """
            name: a
            stages:
              - name: first
                agent: x
                with: {a: "{{ stages.second.output.b }}"}
              - name: second
                agent: x
                if: "{{ stages.fisrt.status == 'completed' }}"
              - name: third
                agent: x
                with: {a: "{{ stages.first.output }}", b: ["{{ stages.third.commit }}"]}
            """,
            "5:15: found 'stages.second', but 'first' does not need 'second'; expected it among the needs, directly or "
                + "through other stages",
            "8:9: found 'stages.fisrt', but there is no such stage; did you mean 'first'?",
            "11:48: found 'stages.third' in stage 'third' itself; expected a stage before it"),
        Case(
            "expressions read only members that a closed schema of the input allows",
            """
            name: a
            input: {type: object, additionalProperties: false, properties: {target: {type: string}}}
            stages:
              - {name: s, agent: x, with: {a: "{{ input.target }}", b: "{{ input.tartget.x }}"}}
              - {name: t, agent: x, if: "{{ default(input['other'], true) }}"}
            """,
            "4:60: found 'input.tartget', but the schema under 'input' allows no such field; did you mean 'target'?",
            "5:29: found 'input.other', but the schema under 'input' allows no such field"),
        Case(
            "with is at most 64 KiB",
            "name: a\nstages:\n  - {name: s, agent: x, with: {t: \(String(repeating: "x", count: 65_530))}}\n",
            "3:31: found 65538 bytes; expected at most 65536"),
    ]

    static let later: [Case] = [
        Case(
            "what this version cannot do is refused as such",
            """
            name: a
            stages:
              - name: s
                agent: x
                gates: [{kind: file_exists}]
                steps: []
                automation: human_approval
                on_failure: stay
                on_partial: review
              - name: t
                agent: x
                on_failure: {revert: s}
                automation: fully_auto
              - name: u
                agent: x
                automation: automatic
                with: {a: "{{ steps.x.output }}", b: "{{ secrets.KEY }}"}
            """,
            "5:5: 'gates' is not supported in this version: let the stage's own action fail when its result is not good enough",
            "6:5: 'steps' is not supported in this version: a stage is one action of one agent; write each step as a stage",
            "7:17: 'automation: human_approval' is not supported in this version: expected one of fully_auto",
            "8:17: 'on_failure: stay' is not supported in this version: expected one of fail, continue",
            "9:17: 'on_partial: review' is not supported in this version: expected one of fail, continue",
            "12:17: 'on_failure: revert' is not supported in this version: expected one of fail, continue",
            "16:17: found 'automatic'; expected one of fully_auto",
            "17:19: 'steps' is not supported in this version; expressions can read input, workflow, stages, env "
                + "(column 4 of `{{ steps.x.output }}`)",
            "17:46: 'secrets' is not supported in this version; expressions can read input, workflow, stages, env "
                + "(column 4 of `{{ secrets.KEY }}`)")
    ]

    @Test("Every rule has its message and place", arguments: fields + graph + expressions + later)
    func rule(_ example: Case) {
        let error = #expect(throws: DefinitionErrors.self) {
            try DefinitionParser.parse(text: example.text, fileName: "a.yaml")
        }
        let found = error?.faults.map(\.description) ?? []
        #expect(found == example.faults, "\n\(found.joined(separator: "\n"))")
    }

    @Test("Faults name the file and point to the value")
    func description() {
        let text =
            "name: a\nstages:\n  - {name: s, agent: x, needs: [y]}\n  - {name: t, agent: x, with: {a: [\"{{ z }}\"]}}\n"
        let error = #expect(throws: DefinitionErrors.self) {
            try DefinitionParser.parse(text: text, fileName: "a.yaml")
        }
        #expect(error?.faults.map(\.pointer.description) == ["/stages/0/needs/0", "/stages/1/with/a/0"])
        #expect(
            error?.description.hasPrefix("a.yaml:3:33: found the need 'y', but there is no such stage\na.yaml:4:40: ")
                == true)
        #expect(error?.faults.first?.line == 3)
        #expect(error?.faults.first?.column == 33)
    }

    @Test("A file of more than 256 KiB is refused unread")
    func size() {
        let text = "name: a\n" + String(repeating: "#\n", count: 131_072)
        let error = #expect(throws: DefinitionErrors.self) {
            try DefinitionParser.parse(text: text, fileName: "a.yaml")
        }
        #expect(error?.faults.map(\.description) == ["1:1: found a file of 262152 bytes; expected at most 262144"])
    }

    @Test("At most 200 faults are listed")
    func many() {
        let text = "name: a\nstages: [{name: s, agent: x}]\n" + (0..<300).map { "x\($0): 1\n" }.joined()
        let error = #expect(throws: DefinitionErrors.self) {
            try DefinitionParser.parse(text: text, fileName: "a.yaml")
        }
        #expect(error?.faults.count == 200)
    }
}
