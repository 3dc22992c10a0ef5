import JSONTools

/// Reads templates: finds the expressions in strings and everything that is wrong with them.
struct TemplateCompiler {
    private(set) var reads = ExpressionReads()
    private(set) var faults: [CompiledTemplate.Fault] = []

    mutating func compile(_ value: JSONValue, at pointer: JSONPointer) -> TemplateNode {
        guard pointer.tokens.count <= ExpressionLimits.depth else {
            let error = ExpressionError(
                code: .limit, source: "", column: 1,
                message: "found values nested beyond \(ExpressionLimits.depth) levels; expected fewer")
            faults.append(CompiledTemplate.Fault(pointer: pointer, error: error))
            return .constant(.null)
        }
        switch value {
        case .null, .bool, .integer, .number: return .constant(value)
        case .string(let text):
            do {
                return try compile(text)
            } catch {
                faults.append(CompiledTemplate.Fault(pointer: pointer, error: error))
                return .constant(value)
            }
        case .array(let elements):
            let nodes = elements.enumerated().map { compile($1, at: pointer.appending($0)) }
            return nodes.allSatisfy(\.isConstant) ? .constant(value) : .array(nodes)
        case .object(let object):
            let members = object.map { key, value in
                check(key: key, at: pointer)
                return (key: key, value: compile(value, at: pointer.appending(key)))
            }
            return members.allSatisfy(\.value.isConstant) ? .constant(value) : .object(members)
        }
    }

    private mutating func check(key: String, at pointer: JSONPointer) {
        guard let braces = ExpressionText(key).bytes.firstPair(UInt8(ascii: "{"), from: 0) else { return }
        let error = ExpressionText(key).error(
            .notSupported, at: braces, "found an expression in the key '\(key)'; expected a plain key",
            hint: "only values can be expressions")
        faults.append(CompiledTemplate.Fault(pointer: pointer.appending(key), error: error))
    }

    /// Reads one string.
    mutating func compile(_ string: String) throws(ExpressionError) -> TemplateNode {
        let text = ExpressionText(string)
        var parts: [TemplateNode.TextPart] = []
        var position = 0
        while let open = text.bytes.firstPair(UInt8(ascii: "{"), from: position) {
            let range = try Self.expression(in: text, openedAt: open)
            if open > position { parts.append(.text(String(decoding: text.bytes[position..<open], as: UTF8.self))) }
            let expression = try CompiledExpression(text: text, range: range)
            reads.formUnion(expression.reads)
            parts.append(.expression(expression))
            position = range.upperBound + 2
        }
        guard !parts.isEmpty else { return .constant(.string(string)) }
        if position < text.bytes.count { parts.append(.text(String(decoding: text.bytes[position...], as: UTF8.self))) }
        // Spaces around a lone expression, as YAML's folded strings leave them, don't make it text.
        let expressions = parts.compactMap { if case .expression(let expression) = $0 { expression } else { nil } }
        let isAlone = parts.allSatisfy { if case .text(let piece) = $0 { piece.isBlank } else { true } }
        if expressions.count == 1, isAlone { return .expression(expressions[0]) }
        return .text(parts)
    }

    /// The bytes between `{{` and its `}}`; braces in quotes don't count.
    private static func expression(in text: ExpressionText, openedAt open: Int) throws(ExpressionError) -> Range<Int> {
        var position = open + 2
        var quote: UInt8?
        while position < text.bytes.count {
            let byte = text.bytes[position]
            switch quote {
            case let closing? where byte == closing: quote = nil
            case UInt8(ascii: "\"")? where byte == UInt8(ascii: "\\"): position += 1
            case .some: break
            case nil where byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\""): quote = byte
            case nil where text.bytes.isPair(UInt8(ascii: "}"), at: position): return (open + 2)..<position
            case nil: break
            }
            position += 1
        }
        throw text.error(
            .syntax, at: open, "found '{{' without '}}'; expected '}}' after the expression",
            hint: quote == nil ? "write {{ '{{' }} for the braces themselves" : "a quote is still open")
    }
}

extension TemplateNode {
    fileprivate var isConstant: Bool {
        if case .constant = self { true } else { false }
    }
}

extension String {
    fileprivate var isBlank: Bool { utf8.allSatisfy(ExpressionLexer.isSpace) }
}

extension [UInt8] {
    fileprivate func isPair(_ byte: UInt8, at index: Int) -> Bool {
        index + 1 < count && self[index] == byte && self[index + 1] == byte
    }

    fileprivate func firstPair(_ byte: UInt8, from start: Int) -> Int? {
        var index = start
        while index + 1 < count {
            if isPair(byte, at: index) { return index }
            index += 1
        }
        return nil
    }
}
