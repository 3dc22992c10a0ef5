import JSONTools

/// Python source text for values that come from a project: nothing in them can end a literal.
enum PythonSource {
    /// A string literal in double quotes; everything that isn't printable is escaped.
    static func literal(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case let scalar where isPlain(scalar): result.unicodeScalars.append(scalar)
            case let scalar where scalar.value > 0xFFFF: result += "\\U" + hexadecimal(scalar.value, digits: 8)
            case let scalar: result += "\\u" + hexadecimal(scalar.value, digits: 4)
            }
        }
        return result + "\""
    }

    /// The literal of any JSON value.
    static func literal(_ value: JSONValue) -> String {
        switch value {
        case .null: "None"
        case .bool(let flag): flag ? "True" : "False"
        case .integer(let number): String(number)
        case .number(let number): number.isFinite ? String(number) : "None"
        case .string(let text): literal(text)
        case .array(let elements): "[" + elements.map { literal($0) }.joined(separator: ", ") + "]"
        case .object(let object):
            "{" + object.map { literal($0.key) + ": " + literal($0.value) }.joined(separator: ", ") + "}"
        }
    }

    /// Lower-case words joined by underscores, at most 60 characters, fit to stand behind `test_`.
    static func identifier(_ text: String) -> String {
        var result = ""
        for scalar in text.lowercased().unicodeScalars {
            let isWordCharacter = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            if isWordCharacter {
                result.unicodeScalars.append(scalar)
            } else if !result.isEmpty, !result.hasSuffix("_") {
                result += "_"
            }
            if result.utf8.count >= 60 { break }
        }
        while result.hasSuffix("_") { result.removeLast() }
        return result.isEmpty ? "unnamed" : result
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

/// Function names of one file, each used once.
struct PythonNames {
    private var used: Set<String> = []

    /// `test_<words>`, with a number behind it when it is taken.
    mutating func test(_ text: String) -> String {
        let base = "test_" + PythonSource.identifier(text)
        var name = base
        var number = 2
        while !used.insert(name).inserted {
            name = "\(base)_\(number)"
            number += 1
        }
        return name
    }
}
