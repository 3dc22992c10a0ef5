import JSONTools

/// How a text is put into a file of some kind without breaking out of its place: the transforms of templates.
enum Escape: String, CaseIterable {
    /// Text or a quoted attribute value of HTML, XML and SVG.
    case html
    /// A whole string literal of JSON, with its quotes; also good inside `<script>`, and in YAML.
    case json
    /// A whole string literal of JavaScript, with its quotes.
    case js
    /// A whole string literal of Swift, with its quotes.
    case swift
    /// Text of Markdown on one line, with HTML made harmless.
    case markdown
    /// The inside of a comment, in any language that has them: one line that ends no comment.
    case comment
    /// A whole argument of a POSIX shell, with its quotes.
    case shell
    /// Plain text on one line.
    case line

    func callAsFunction(_ text: String) -> String {
        switch self {
        case .html:
            Self.replacing(text) { character in
                switch character {
                case "&": "&amp;"
                case "<": "&lt;"
                case ">": "&gt;"
                case "\"": "&quot;"
                case "'": "&#39;"
                case "\0": "\u{FFFD}"
                default: nil
                }
            }
        case .json, .js:
            // Both take the same literals; U+2028 and U+2029 were line ends in older JavaScript.
            Self.replacing(String(decoding: JSONValue.string(text).encoded(), as: UTF8.self)) { character in
                switch character {
                case "<": "\\u003c"
                case ">": "\\u003e"
                case "&": "\\u0026"
                case "\u{7F}": "\\u007f"
                case "\u{2028}": "\\u2028"
                case "\u{2029}": "\\u2029"
                default: nil
                }
            }
        case .swift:
            "\""
                + Self.replacing(text) { scalar in
                    switch scalar {
                    case "\\", "\"": "\\" + String(scalar)
                    case "\n": "\\n"
                    default: Character(scalar).isPrintable ? nil : "\\u{" + String(scalar.value, radix: 16) + "}"
                    }
                } + "\""
        case .markdown:
            Self.withoutBlockMarks(
                Self.replacing(Self.oneLine(text)) { character in
                    switch character {
                    case "&": "&amp;"
                    case "<": "&lt;"
                    case ">": "&gt;"
                    case "\\", "`", "*", "_", "[", "]", "|", "~", "$": "\\" + String(character)
                    default: nil
                    }
                })
        case .comment:
            Self.oneLine(text)
                .split(separator: "*/", omittingEmptySubsequences: false).joined(separator: "* /")
                .split(separator: "-->", omittingEmptySubsequences: false).joined(separator: "-- >")
                .split(separator: "--!>", omittingEmptySubsequences: false).joined(separator: "-- !>")
                .split(separator: "</", omittingEmptySubsequences: false).joined(separator: "< /")
        case .shell:
            "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        case .line:
            Self.oneLine(text)
        }
    }

    /// The words of a text with single spaces between them; control characters and line ends of any kind are spaces.
    private static func oneLine(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            if Character(scalar).isPrintable, !scalar.properties.isWhitespace {
                line.unicodeScalars.append(scalar)
            } else if let last = line.last, last != " " {
                line.append(" ")
            }
        }
        if line.last == " " { line.removeLast() }
        return line
    }

    /// Makes what begins a heading, a list or a rule harmless; it counts at the beginning of a line only.
    private static func withoutBlockMarks(_ line: String) -> String {
        if let first = line.first, "#-+=".contains(first) { return "\\" + line }
        let digits = line.prefix { $0.isNumber }
        let rest = line.dropFirst(digits.count)
        guard !digits.isEmpty, let mark = rest.first, ".)".contains(mark) else { return line }
        return digits + "\\" + rest
    }

    private static func replacing(_ text: String, _ replacement: (Unicode.Scalar) -> String?) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if let text = replacement(scalar) { result += text } else { result.unicodeScalars.append(scalar) }
        }
        return result
    }
}
