import JSONTestSupport
import JSONTools

/// Draws JSON values and numbers of every kind.
enum RandomJSON {
    static func value(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2:
            return .integer(Int64(truncatingIfNeeded: generator.next()) >> Int.random(in: 0..<64, using: &generator))
        case 3: return .number(number(using: &generator))
        case 4, 5: return .string(text(using: &generator))
        case 6:
            let count = Int.random(in: 0..<5, using: &generator)
            return .array((0..<count).map { _ in value(depth: depth - 1, using: &generator) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<5, using: &generator) {
                object[text(using: &generator)] = value(depth: depth - 1, using: &generator)
            }
            return .object(object)
        }
    }

    static func number(using generator: inout SeededGenerator) -> Double {
        let number = Double(bitPattern: generator.next())
        return number.isFinite ? number : 0.25
    }

    static func text(using generator: inout SeededGenerator) -> String {
        let alphabet = Array("abcXYZ019 \"\\/\n\t\u{1}\u{1F}\u{7F}éß中😀\u{FFFD}\u{301}".unicodeScalars)
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<24, using: &generator) {
            text.append(alphabet.randomElement(using: &generator) ?? "a")
        }
        return String(text)
    }

    static func numberText(using generator: inout SeededGenerator) -> String {
        func digits(_ range: ClosedRange<Int>) -> String {
            let count = Int.random(in: range, using: &generator)
            return String((0..<count).map { _ in "0123456789".randomElement(using: &generator) ?? "7" })
        }
        var text = Bool.random(using: &generator) ? "-" : ""
        let whole = digits(1...22).drop { $0 == "0" }
        text += whole.isEmpty ? "0" : whole
        if Bool.random(using: &generator) { text += "." + digits(1...20) }
        if Bool.random(using: &generator) {
            text += Bool.random(using: &generator) ? "e" : "E"
            text += ["", "+", "-"].randomElement(using: &generator) ?? ""
            text += digits(1...3)
        }
        return text
    }
}
