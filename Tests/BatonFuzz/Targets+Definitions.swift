import FuzzKit
import JSONTools
import WorkflowCore
import WorkflowDefinitions

/// Definitions, and the languages in them.
extension Targets {
    static func definition() -> FuzzTarget {
        FuzzTarget("definition", .yaml, maxBytes: 300 << 10) { input in
            guard let text = String(validating: input, as: UTF8.self) else { return .refused("no UTF-8") }
            let definition: WorkflowDefinition
            do throws(DefinitionErrors) {
                definition = try DefinitionParser.parse(text: text, fileName: "fuzz.yaml")
            } catch {
                return verdict(error, in: text)
            }
            guard input.count <= DefinitionLimits.fileBytes else { return .broken("\(input.count) bytes are accepted") }
            return verdict(definition)
        }
    }

    /// YAML alone: every input is read as a document, and what is read is written as JSON, which is YAML, too.
    static func yaml() -> FuzzTarget {
        FuzzTarget("yaml", .yaml, maxBytes: 300 << 10) { input in
            guard let text = String(validating: input, as: UTF8.self) else { return .refused("no UTF-8") }
            let value: JSONValue?
            do throws(DefinitionErrors) {
                value = try DefinitionParser.value(ofYAML: text, fileName: "fuzz.yaml")
            } catch {
                return verdict(error, in: text)
            }
            guard let value else { return .accepted }
            guard let written = String(validating: value.encoded(), as: UTF8.self) else {
                return .broken("no UTF-8 written")
            }
            guard isYAML(value), !written.utf8.contains(where: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "*") }),
                written.utf8.count <= DefinitionLimits.fileBytes
            else { return .accepted }
            do throws(DefinitionErrors) {
                let again = try DefinitionParser.value(ofYAML: written, fileName: "again.yaml")
                return again == value ? .accepted : .broken("read again as JSON it differs: \(written.prefix(200))")
            } catch {
                return .broken("not read again: \(error)")
            }
        }
    }

    /// Whether a value's JSON is YAML as well: that has no keys of more than 1024 characters, none that merge, and only
    /// printable characters.
    private static func isYAML(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool, .integer, .number: true
        case .string(let text): text.unicodeScalars.allSatisfy(isPrintable)
        case .array(let elements): elements.allSatisfy(isYAML)
        case .object(let object):
            object.allSatisfy { key, value in
                key.utf8.count < 500 && key != "<<" && key.unicodeScalars.allSatisfy(isPrintable) && isYAML(value)
            }
        }
    }

    /// YAML 1.2.2, 5.1.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // U+2028 and U+2029 end a line, and a key has one line.
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    private static func verdict(_ errors: DefinitionErrors, in text: String) -> FuzzTarget.Verdict {
        guard let first = errors.faults.first else { return .broken("it is refused without a fault") }
        guard errors.faults.count <= maxFaults else {
            return .broken("it is refused with \(errors.faults.count) faults")
        }
        let lines = text.utf8.count { $0 == 0x0A || $0 == 0x0D } + 2
        for fault in errors.faults {
            if let fault = self.fault(inMessage: fault.message) { return .broken(fault) }
            if fault.line < 1 || fault.column < 1 { return .broken("the place of '\(fault)' isn't known") }
            // Yams counts U+0085, U+2028 and U+2029 as line ends, too.
            let breaks = text.unicodeScalars.count { $0 == "\u{85}" || $0 == "\u{2028}" || $0 == "\u{2029}" }
            if fault.line > lines + breaks {
                return .broken("'\(fault)' is said to be in line \(fault.line) of \(lines)")
            }
        }
        return .refused(kind(first.message))
    }

    private static let maxFaults = 1000

    private static func verdict(_ definition: WorkflowDefinition) -> FuzzTarget.Verdict {
        let canonical = definition.canonicalJSON()
        let again: WorkflowDefinition
        do throws(CanonicalDefinitionError) {
            again = try WorkflowDefinition(canonicalJSON: canonical)
        } catch {
            return .broken("its canonical form can't be read: \(error)")
        }
        guard again.contentHash == definition.contentHash else {
            return .broken("its hash changes when it is read again")
        }
        guard again == definition else { return .broken("it differs when it is read again") }
        if let input = definition.input {
            do { _ = try JSONSchema(input) } catch { return .broken("the schema of its input is none: \(error)") }
        }
        for stage in definition.stages {
            if let condition = stage.condition, let broken = brokenPromise(of: condition) { return .broken(broken) }
            guard let rendered = try? stage.with.render(in: scope) else { continue }
            if rendered.encoded().count > ExpressionLimits.resultBytes + 1024 {
                return .broken("`with` is over its limit")
            }
        }
        return .accepted
    }

    // MARK: Expressions

    private static let scope = ExpressionScope(
        input: [
            "a": 1, "b": "text", "c": [1, 2, 3], "d": ["e": nil, "f": 2.5], "y": "z", "z": 1,
            "long": .string(String(repeating: "a", count: 300)),
            "deep": [[[[[["x"]]]]]], "many": .array((0..<500).map { .integer($0) }),
        ],
        workflow: ["name": "w", "requirements": "r"],
        stages: ["s": .init(status: "completed", output: ["n": 3], commit: "abc", artifacts: [["name": "x"]])])

    static func expression() -> FuzzTarget {
        FuzzTarget("expression", .expression, maxBytes: 8 << 10) { input in
            guard let text = String(validating: input, as: UTF8.self) else { return .refused("no UTF-8") }
            let expression: CompiledExpression
            do throws(ExpressionError) {
                expression = try CompiledExpression(source: text)
            } catch {
                if let fault = fault(in: error) { return .broken(fault) }
                return .refused("\(error.code) \(kind(error.message))")
            }
            guard input.count <= ExpressionLimits.sourceBytes else {
                return .broken("\(input.count) bytes are accepted")
            }
            if let broken = brokenPromise(of: expression) { return .broken(broken) }
            guard let again = try? CompiledExpression(source: expression.source), again == expression else {
                return .broken("its source is no expression, or another one")
            }
            return .accepted
        }
    }

    private static func fault(in error: ExpressionError) -> String? {
        // The message may repeat the source, which has its own limit.
        if error.message.isEmpty { return "it is refused without a word" }
        let limit = maxMessageBytes + 2 * ExpressionLimits.sourceBytes
        if error.description.utf8.count > limit {
            return "it is refused with \(error.description.utf8.count) bytes of words"
        }
        let columns = error.source.unicodeScalars.count + 1
        return (1...columns).contains(error.column) ? nil : "column \(error.column) of \(columns)"
    }

    /// Evaluates an expression twice.
    private static func brokenPromise(of expression: CompiledExpression) -> String? {
        func outcome() -> Result<JSONValue, ExpressionError> {
            do throws(ExpressionError) {
                return .success(try expression.evaluate(in: scope))
            } catch {
                return .failure(error)
            }
        }
        let first = outcome()
        guard first == outcome() else { return "the same expression has two values" }
        switch first {
        case .success(let value):
            let size = value.encoded().count
            return size <= ExpressionLimits.resultBytes ? nil : "its value has \(size) bytes"
        case .failure(let error):
            return fault(in: error)
        }
    }

    static func template() -> FuzzTarget {
        FuzzTarget("template", .json) { input in
            guard let value = try? JSONValue(parsing: input) else { return .refused("no JSON") }
            let template: CompiledTemplate
            do throws(ExpressionError) {
                template = try CompiledTemplate(value)
            } catch {
                if let fault = fault(in: error) { return .broken(fault) }
                return .refused("\(error.code) \(kind(error.message))")
            }
            do throws(ExpressionError) {
                let rendered = try template.render(in: scope)
                let size = rendered.encoded().count
                // A value without expressions is as large as it came.
                let limit = max(ExpressionLimits.resultBytes + 1024, value.encoded().count)
                return size <= limit ? .accepted : .broken("the result has \(size) bytes")
            } catch {
                if let fault = fault(in: error) { return .broken(fault) }
                return .accepted
            }
        }
    }

    // MARK: Schemas

    static func schema() -> FuzzTarget {
        FuzzTarget("schema", .schema) { input in
            guard let value = try? JSONValue(parsing: input) else { return .refused("no JSON") }
            // A list of two is a schema and a value for it; everything else is a schema.
            let pair = value.arrayValue.flatMap { $0.count == 2 ? $0 : nil }
            let schema: JSONSchema
            do throws(JSONSchemaError) {
                schema = try JSONSchema(pair?[0] ?? value)
            } catch {
                guard let first = error.violations.first else { return .broken("it is refused without a reason") }
                for violation in error.violations {
                    if let fault = fault(inMessage: violation.message) { return .broken(fault) }
                }
                return .refused(kind(first.message))
            }
            guard let again = try? JSONSchema(schema.source) else { return .broken("its source is no schema") }
            for probe in probes + [pair?[1] ?? value] {
                let filled = schema.applyingDefaults(to: probe)
                let violations = schema.validate(filled)
                guard violations.count <= JSONSchema.maxViolations + 1 else {
                    return .broken("more violations than its limit")
                }
                guard again.validate(filled) == violations else { return .broken("a second reading judges otherwise") }
                if let fault = violations.lazy.compactMap({ fault(inMessage: $0.message) }).first {
                    return .broken(fault)
                }
                // Where nothing is wrong, nothing is missing either.
                if violations.isEmpty, schema.applyingDefaults(to: filled) != filled {
                    return .broken("defaults are filled in twice")
                }
            }
            return .accepted
        }
    }

    private static let probes: [JSONValue] = [
        ["a": 1, "b": "two", "c": [1, 1, 2]], .string(String(repeating: "a", count: 2000) + "b"), [1, 2, 3, 3], nil, 12,
        1.5,
        true, ["a": ["a": ["a": ["a": nil]]]], .array((0..<300).map { .integer($0 % 299) }),
    ]
}
