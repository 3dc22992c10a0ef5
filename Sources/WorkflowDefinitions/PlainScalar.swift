import JSONTools

/// The meaning of unquoted scalars by the core schema of YAML 1.2 (§10.3.2).
enum PlainScalar {
    /// The value, or nil for `.inf`, `.nan` and numbers beyond the range of a double, which JSON cannot express.
    static func value(of text: String) -> JSONValue? {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        case ".nan", ".NaN", ".NAN": return nil
        default: break
        }
        var digits = text[...]
        let isNegative = digits.first == "-"
        if isNegative || digits.first == "+" { digits.removeFirst() }
        if [".inf", ".Inf", ".INF"].contains(digits) { return nil }
        if let radix = [("0o", 8), ("0x", 16)].first(where: { text.hasPrefix($0.0) })?.1 {
            let body = text.dropFirst(2)
            let isNumber = !body.isEmpty && body.allSatisfy { $0.isHexDigit && ($0.hexDigitValue ?? 16) < radix }
            return isNumber ? Int64(body, radix: radix).map(JSONValue.integer) : .string(cleaned(text))
        }
        guard isDecimal(digits.utf8) else { return .string(cleaned(text)) }
        if let integer = Int64(text) { return .integer(integer) }
        // Swift wants digits on both sides of the point, YAML does not.
        var number = String(digits)
        if number.hasPrefix(".") { number = "0" + number }
        if let point = number.firstIndex(of: "."),
            number.index(after: point) == number.endIndex || !number[number.index(after: point)].isNumber
        {
            number.insert("0", at: number.index(after: point))
        }
        guard let value = Double(number), value.isFinite else { return nil }
        return .number(isNegative ? -value : value)
    }

    /// A text without NUL, as everywhere behind the readers.
    static func cleaned(_ text: String) -> String {
        guard text.utf8.contains(0) else { return text }
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { clean.append(scalar.value == 0 ? "\u{fffd}" : scalar) }
        return String(clean)
    }

    /// Whether a text is `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
    private static func isDecimal(_ text: Substring.UTF8View) -> Bool {
        var rest = text[...]
        let whole = takeDigits(&rest)
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = takeDigits(&rest)
        }
        guard whole > 0 || fraction > 0 else { return false }
        guard let mark = rest.first else { return true }
        guard mark | 0x20 == UInt8(ascii: "e") else { return false }
        rest.removeFirst()
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        return takeDigits(&rest) > 0 && rest.isEmpty
    }

    private static func takeDigits(_ text: inout Substring.UTF8View) -> Int {
        let digits = text.prefix { 0x30...0x39 ~= $0 }
        text = text[digits.endIndex...]
        return digits.count
    }
}
