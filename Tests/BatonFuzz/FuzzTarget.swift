import AgentProtocol
import JSONTools
import WorkflowCore
import WorkflowDefinitions

/// A parser, and what it promises: to end, to be within its limits, and that what it accepts can be written and read
/// again.
final class FuzzTarget {
    let name: String
    let seeds: [[UInt8]]
    /// Whether the last input was valid.
    private(set) var wasAccepted = false
    private let body: (_ input: [UInt8], _ accept: () -> Void) -> String?

    private init(_ name: String, seeds: [String], _ body: @escaping ([UInt8], () -> Void) -> String?) {
        self.name = name
        self.seeds = seeds.map { Array($0.utf8) }
        self.body = body
    }

    /// Feeds an input.
    ///
    /// - Returns: the promise that was broken; nil if none was.
    func feed(_ input: [UInt8]) -> String? {
        wasAccepted = false
        return body(input) { wasAccepted = true }
    }

    /// All targets, new ones each time.
    static func all() -> [FuzzTarget] {
        [
            json(), message("envelope", { try TaskEnvelope(decoding: $0) }, { $0.encoded() }),
            message("result", { try TaskResult(decoding: $0) }, { $0.encoded() }),
            message("signal", { try AgentSignal(decoding: $0) }, { $0.encoded() }),
            message("control", { try ControlMessage(decoding: $0) }, { $0.encoded() }),
            message("log-batch", { try LogBatch(decoding: $0) }, { $0.encoded() }),
            definition(), expression(), template(), schema(), notations(),
        ]
    }

    // MARK: Targets

    private static func json() -> FuzzTarget {
        FuzzTarget(
            "json",
            seeds: [#"{"a": [1, -2.5e3, "x\n\u00e9", null, true], "b": {}}"#, "[[[[1]]]]", "\"\\ud83d\\ude00\""]
        ) { input, accept in
            guard let value = try? JSONValue(parsing: input) else { return nil }
            accept()
            let written = value.encoded()
            guard let again = try? JSONValue(parsing: written, limits: JSONLimits(maxBytes: 4 << 20)) else {
                return "what was written can't be read"
            }
            guard again == value else { return "what was read again differs" }
            guard value.canonicalBytes() == again.canonicalBytes() else { return "canonical forms differ" }
            return nil
        }
    }

    private static func message<Message>(
        _ name: String, _ decode: @escaping ([UInt8]) throws -> Message, _ encode: @escaping (Message) -> [UInt8]
    ) -> FuzzTarget {
        FuzzTarget(name, seeds: []) { input, accept in
            guard let message = try? decode(input) else { return nil }
            accept()
            let written = encode(message)
            guard let again = try? decode(written) else {
                // What is at its limit as it came may be over it when written out; nothing else may be.
                return written.count > ProtocolLimits.messageBytes ? nil : "what was written can't be read"
            }
            guard encode(again) == written else { return "what was read again differs" }
            return nil
        }
    }

    private static func definition() -> FuzzTarget {
        FuzzTarget(
            "definition",
            seeds: [
                "name: x\nstages:\n  - {name: one, agent: a, with: {x: \"{{ input.y }}\"}, if: \"{{ input.z == 1 }}\"}\n",
                "{\"name\": \"x\", \"stages\": [{\"name\": \"a\", \"agent\": \"b\"}]}",
                "name: a\ninput: {type: object, properties: {p: {type: integer, default: 3}}}\nstages: [{name: s, agent: t, needs: []}]\n",
            ]
        ) { input, accept in
            guard let text = String(validating: input, as: UTF8.self) else { return nil }
            guard let definition = try? DefinitionParser.parse(text: text, fileName: "fuzz.yaml") else { return nil }
            accept()
            let canonical = definition.canonicalJSON()
            guard let again = try? WorkflowDefinition(canonicalJSON: canonical) else {
                return "its canonical form can't be read"
            }
            guard again.contentHash == definition.contentHash else { return "its hash changes when it is read again" }
            return nil
        }
    }

    private static let scope = ExpressionScope(
        input: [
            "a": 1, "b": "text", "c": [1, 2, 3], "d": ["e": nil, "f": 2.5],
            "long": .string(String(repeating: "a", count: 300)),
        ],
        workflow: ["name": "w", "requirements": "r"],
        stages: ["s": .init(status: "completed", output: ["n": 3], commit: "abc", artifacts: [["name": "x"]])])

    private static func expression() -> FuzzTarget {
        FuzzTarget(
            "expression",
            seeds: [
                "input.a == 1 and not (input.b contains 'x') or stages.s.output.n >= 3",
                "default(input.zz, [1, 'a', null])[0]",
                "sum(input.c) + 1", "join(keys(input.d), ', ')", "input.b matches '^t.*(x|y)+$'",
                "round(input.d.f, 1) in [2.5, 3]",
                "length(json(input)) > 3 and stages.s.artifacts[0].name exists", "min(max(1, 2), 3) != null",
            ]
        ) { input, accept in
            guard let text = String(validating: input, as: UTF8.self),
                let expression = try? CompiledExpression(source: text)
            else { return nil }
            accept()
            let first = try? expression.evaluate(in: scope)
            let second = try? expression.evaluate(in: scope)
            return first == second ? nil : "the same expression has two values"
        }
    }

    private static func template() -> FuzzTarget {
        FuzzTarget(
            "template",
            seeds: [
                #"{"a": "{{ input.a }}", "b": "x {{ input.b }} y {{ stages.s.output.n }}", "c": ["{{ input.c }}"]}"#
            ]
        ) { input, accept in
            guard let value = try? JSONValue(parsing: input), let template = try? CompiledTemplate(value) else {
                return nil
            }
            accept()
            guard let rendered = try? template.render(in: scope) else { return nil }
            return rendered.encoded().count <= ExpressionLimits.resultBytes + 1024
                ? nil : "the result is over its limit"
        }
    }

    private static func schema() -> FuzzTarget {
        FuzzTarget(
            "schema",
            seeds: [
                ##"{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 1, "default": 3}, "b": {"$ref": "#/$defs/x"}}, "additionalProperties": false, "$defs": {"x": {"enum": [1, "two", null]}}}"##,
                #"{"type": ["string", "null"], "pattern": "^(a|b)*c$", "minLength": 1, "maxLength": 9}"#,
                #"{"oneOf": [{"type": "array", "items": {"type": "number"}, "uniqueItems": true, "maxItems": 3}, {"anyOf": [{"const": 1}]}]}"#,
            ]
        ) { input, accept in
            guard let value = try? JSONValue(parsing: input), let schema = try? JSONSchema(value) else { return nil }
            accept()
            for probe in probes {
                let filled = schema.applyingDefaults(to: probe)
                if schema.validate(filled).count > JSONSchema.maxViolations + 1 {
                    return "more violations than its limit"
                }
            }
            return nil
        }
    }

    private static let probes: [JSONValue] = [
        ["a": 1, "b": "two", "c": [1, 1, 2]], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", [1, 2, 3, 3], nil, 12, 1.5, true,
        ["a": ["a": ["a": ["a": nil]]]],
    ]

    /// The small notations: ids, times, durations, pointers.
    private static func notations() -> FuzzTarget {
        FuzzTarget(
            "notations",
            seeds: [
                "01997d2b-9001-7b3c-a4d5-e6f708192a3b", "2026-09-21T14:13:20.123Z", "2026-09-21T14:13:20+02:00",
                "1h30m", "250ms",
                "/a/~0b~1/0", "9f86d081884c7d65",
            ]
        ) { input, accept in
            guard let text = String(validating: input, as: UTF8.self) else { return nil }
            if let id = UniqueID(text) {
                accept()
                if UniqueID("\(id)") != id { return "an id differs when it is read again" }
            }
            if let time = Timestamp(rfc3339: text) {
                accept()
                if let again = Timestamp(rfc3339: "\(time)"), again.milliseconds != time.milliseconds {
                    return "a time differs when it is read again"
                }
            }
            if let duration = try? DurationNotation.parse(text) {
                accept()
                if let again = try? DurationNotation.parse(DurationNotation.format(duration)), again != duration {
                    return "a duration differs when it is read again"
                }
            }
            return nil
        }
    }
}
