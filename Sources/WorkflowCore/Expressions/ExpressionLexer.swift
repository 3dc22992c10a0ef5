import JSONTools

/// Cuts the text of an expression into tokens.
///
/// Words are letters, digits and `_`, with `-` inside (there is no subtraction), so `stages.unit-tests.status` needs no
/// brackets. In `'single quotes'` a quote is doubled and nothing else is special; in `"double quotes"` the backslash
/// escapes `\\ \" \' \n \r \t`.
struct ExpressionLexer {
    private let text: ExpressionText
    private var position: Int
    private let end: Int

    init(_ text: ExpressionText, range: Range<Int>) {
        self.text = text
        self.position = range.lowerBound
        self.end = range.upperBound
    }

    /// The next token; `.end` for ever after the last.
    mutating func next() throws(ExpressionError) -> ExpressionToken {
        while position < end, Self.isSpace(text.bytes[position]) { position += 1 }
        let start = position
        guard position < end else { return ExpressionToken(kind: .end, offset: start) }
        let byte = text.bytes[position]
        switch byte {
        case _ where Self.isWordStart(byte): return ExpressionToken(kind: .word(word()), offset: start)
        case _ where Self.isDigit(byte), UInt8(ascii: "-"):
            return ExpressionToken(kind: .literal(try number()), offset: start)
        case UInt8(ascii: "'"): return ExpressionToken(kind: .literal(.string(try rawString())), offset: start)
        case UInt8(ascii: "\""): return ExpressionToken(kind: .literal(.string(try escapedString())), offset: start)
        default: return ExpressionToken(kind: .sign(try sign()), offset: start)
        }
    }

    private func peek(_ distance: Int) -> UInt8? {
        position + distance < end ? text.bytes[position + distance] : nil
    }

    private mutating func word() -> String {
        let start = position
        while let byte = peek(0) {
            let joins = byte == UInt8(ascii: "-") && peek(1).map(Self.isWordPart) == true
            guard Self.isWordPart(byte) || joins else { break }
            position += 1
        }
        return String(decoding: text.bytes[start..<position], as: UTF8.self)
    }

    private mutating func number() throws(ExpressionError) -> JSONValue {
        let start = position
        position += 1
        var isInteger = true
        while let byte = peek(0) {
            let previous = text.bytes[position - 1] | 0x20
            let isSigned = byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
            let isExponentSign = isSigned && previous == UInt8(ascii: "e")
            // A dot belongs to the number only before a digit, and letters are taken so that `12px` is one bad number.
            let isFraction = byte == UInt8(ascii: ".") && peek(1).map(Self.isDigit) == true
            guard Self.isWordPart(byte) || isExponentSign || isFraction else { break }
            if !Self.isDigit(byte) { isInteger = false }
            position += 1
        }
        let digits = String(decoding: text.bytes[start..<position], as: UTF8.self)
        if digits == "-" { throw text.noArithmetic("-", at: start) }
        if isInteger, let value = Int64(digits) { return .integer(value) }
        guard Self.isDecimal(digits), let value = Double(digits), value.isFinite else {
            throw text.error(
                .syntax, at: start, "found the number '\(digits)'; expected a decimal number such as 3, -1 or 2.5")
        }
        return .number(value)
    }

    private mutating func rawString() throws(ExpressionError) -> String {
        let start = position
        position += 1
        var content: [UInt8] = []
        while let byte = peek(0) {
            position += 1
            guard byte == UInt8(ascii: "'") else {
                content.append(byte)
                continue
            }
            guard peek(0) == UInt8(ascii: "'") else { return String(decoding: content, as: UTF8.self) }
            content.append(byte)
            position += 1
        }
        throw text.error(.syntax, at: start, "found a string without its closing '; expected ' before the end")
    }

    private mutating func escapedString() throws(ExpressionError) -> String {
        let start = position
        position += 1
        var content: [UInt8] = []
        while let byte = peek(0) {
            position += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: content, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                content.append(byte)
                continue
            }
            guard let escaped = peek(0) else { break }
            switch escaped {
            case UInt8(ascii: "n"): content.append(0x0a)
            case UInt8(ascii: "r"): content.append(0x0d)
            case UInt8(ascii: "t"): content.append(0x09)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): content.append(escaped)
            default:
                throw text.error(
                    .syntax, at: position - 1, "found an unknown escape; expected one of \\\\ \\\" \\' \\n \\r \\t",
                    hint: "in single quotes a backslash is just a backslash")
            }
            position += 1
        }
        throw text.error(.syntax, at: start, "found a string without its closing \"; expected \" before the end")
    }

    private mutating func sign() throws(ExpressionError) -> String {
        let two = String(decoding: text.bytes[position..<min(position + 2, end)], as: UTF8.self)
        if ["==", "!=", "<=", ">="].contains(two) {
            position += 2
            return two
        }
        let one = String(decoding: text.scalar(at: position), as: UTF8.self)
        switch one {
        case "<", ">", "(", ")", "[", "]", ",", ".":
            position += 1
            return one
        case "=": throw text.error(.syntax, at: position, "found '='; expected '==' to compare")
        case "!": throw text.error(.syntax, at: position, "found '!'; expected 'not' or '!='")
        case "&": throw text.error(.syntax, at: position, "found '&'; expected 'and'")
        case "|":
            throw text.error(
                .syntax, at: position, "found '|'; expected 'or', or a function call",
                hint: "there are no filters: write lower(x) instead of x | lower")
        case "+", "*", "/", "%": throw text.noArithmetic(one, at: position)
        case "?", ":":
            throw text.error(
                .syntax, at: position, "found '\(one)'; expected an operator or the end",
                hint: "there is no ?: operator: use 'if' on a stage, or default(x, y)")
        case "{", "}":
            throw text.error(
                .syntax, at: position, "found '\(one)'; expected a value or an operator",
                hint: "objects cannot be written in expressions, and braces do not nest")
        default: throw text.error(.syntax, at: position, "found '\(one)'; expected a value or an operator")
        }
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

    private static func isWordStart(_ byte: UInt8) -> Bool {
        0x61...0x7a ~= byte || 0x41...0x5a ~= byte || byte == UInt8(ascii: "_")
    }

    private static func isWordPart(_ byte: UInt8) -> Bool { isWordStart(byte) || isDigit(byte) }

    /// Whether `Double.init` may see the text; it would also take hexadecimal and `nan`.
    private static func isDecimal(_ text: String) -> Bool {
        text.utf8.allSatisfy { isDigit($0) || $0 | 0x20 == UInt8(ascii: "e") || [0x2b, 0x2d, 0x2e].contains($0) }
    }
}
