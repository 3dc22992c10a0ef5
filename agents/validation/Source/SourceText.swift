/// A source file as far as measuring it needs: its lines without comments and without what stands in quotes.
struct SourceText: Sendable, Hashable {
    /// How a language ends a function.
    enum Style: Sendable, Hashable {
        /// By a brace.
        case braces
        /// By a line that is indented less: Python.
        case indentation
    }

    let style: Style
    /// The code of each line, from the first on; quoted text is `""`.
    let lines: [String]

    /// nil for a file in a language that is not known here.
    init?(path: String, text: String) {
        let ending = path.split(separator: ".").last.map(String.init) ?? ""
        switch ending {
        case "js", "mjs", "cjs", "jsx", "ts", "tsx", "swift", "java", "kt", "go", "rs", "c", "h", "cc", "cpp", "cs":
            style = .braces
        case "py": style = .indentation
        default: return nil
        }
        lines = Self.code(text, style)
    }

    /// Leaves out comments and quoted text; text in several lines keeps its line breaks.
    private static func code(_ text: String, _ style: Style) -> [String] {
        var lines: [String] = []
        var line = ""
        let bytes = Array(text.utf8)
        var quote: [UInt8]?
        var inComment = false
        var index = 0
        let (lineComment, commentStart, commentEnd) = (Array("//".utf8), Array("/*".utf8), Array("*/".utf8))
        func starts(_ part: [UInt8]) -> Bool { bytes[index...].starts(with: part) }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x0A {
                lines.append(line)
                line = ""
                // A single quote that nobody closed, as in a regular expression, ends with its line.
                if let open = quote, open.count == 1, open[0] != UInt8(ascii: "`") { quote = nil }
                index += 1
            } else if inComment {
                if starts(commentEnd) {
                    inComment = false
                    index += 1
                }
                index += 1
            } else if let open = quote {
                if byte == UInt8(ascii: "\\") {
                    // A line break after it still ends the line.
                    index += index + 1 < bytes.count && bytes[index + 1] == 0x0A ? 1 : 2
                } else if starts(open) {
                    quote = nil
                    index += open.count
                } else {
                    index += 1
                }
            } else if style == .braces, starts(lineComment) {
                index = bytes[index...].firstIndex(of: 0x0A) ?? bytes.count
            } else if style == .indentation, byte == UInt8(ascii: "#") {
                index = bytes[index...].firstIndex(of: 0x0A) ?? bytes.count
            } else if style == .braces, starts(commentStart) {
                inComment = true
                index += 2
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`") {
                let triple = [byte, byte, byte]
                quote = starts(triple) ? triple : [byte]
                index += quote?.count ?? 1
                line += "\"\""
            } else {
                line.unicodeScalars.append(byte < 0x80 ? Unicode.Scalar(byte) : "_")
                index += 1
            }
        }
        if !line.isEmpty { lines.append(line) }
        return lines
    }
}

extension SourceText {
    /// A function and how many ways lead through it.
    struct Function: Sendable, Hashable {
        var name: String
        /// From 1.
        var line: Int
        /// McCabe's number as it is commonly counted: one, and one for each decision.
        var complexity: Int
    }

    /// The functions, in order of their beginnings. A function's own count leaves out the functions in it.
    var functions: [Function] {
        switch style {
        case .braces: functionsByBraces()
        case .indentation: functionsByIndentation()
        }
    }

    private static let decisions: Set<Substring> = [
        "if", "for", "while", "case", "catch", "guard", "elif", "except", "and", "or", "&&", "||",
    ]

    private static func decisions(in line: String) -> Int {
        var count = 0
        for word in line.split(whereSeparator: { " \t(){}[];:,!".contains($0) }) where decisions.contains(word) {
            count += 1
        }
        return count
    }

    private func functionsByIndentation() -> [Function] {
        var done: [Function] = []
        var open: [(function: Function, indent: Int)] = []
        for (index, line) in lines.enumerated() {
            let content = line.drop { $0 == " " || $0 == "\t" }
            guard !content.isEmpty else { continue }
            let indent = line.count - content.count
            while let last = open.last, indent <= last.indent {
                done.append(last.function)
                open.removeLast()
            }
            let words = content.split { " (:".contains($0) }
            if let place = words.prefix(2).firstIndex(of: "def"), place + 1 < words.count {
                open.append((Function(name: String(words[place + 1]), line: index + 1, complexity: 1), indent))
            } else if !open.isEmpty {
                open[open.count - 1].function.complexity += Self.decisions(in: line)
            }
        }
        return (done + open.map(\.function)).sorted { $0.line < $1.line }
    }

    private func functionsByBraces() -> [Function] {
        var done: [Function] = []
        var open: [(function: Function, depth: Int)] = []
        var depth = 0
        var waiting: Function?
        for (index, line) in lines.enumerated() {
            if let name = Self.functionName(in: line) {
                waiting = Function(name: name, line: index + 1, complexity: 1)
            }
            let count = Self.decisions(in: line)
            if waiting == nil, !open.isEmpty { open[open.count - 1].function.complexity += count }
            for character in line {
                if character == "{" {
                    if let function = waiting {
                        open.append((function, depth))
                        waiting = nil
                    }
                    depth += 1
                } else if character == "}" {
                    depth -= 1
                    if let last = open.last, depth <= last.depth { done.append(open.removeLast().function) }
                }
            }
        }
        return (done + open.map(\.function)).sorted { $0.line < $1.line }
    }

    /// The name of the function that a line begins; nil when it begins none.
    private static func functionName(in line: String) -> String? {
        let words = line.split { " \t(<:=".contains($0) }
        for keyword in ["func", "function", "fn", "fun"] {
            guard let place = words.firstIndex(where: { $0 == keyword || $0 == keyword + "*" }) else { continue }
            return place + 1 < words.count ? String(words[place + 1].prefix { $0 != "{" && $0 != ")" }) : "anonymous"
        }
        // `name(parameters) {` of a class or an object, and `name = (parameters) => {`.
        let content = line.drop { $0 == " " || $0 == "\t" }
        let noNames: Set<Substring> = [
            "if", "for", "while", "switch", "catch", "guard", "else", "do", "return", "with", "try", "defer", "await",
        ]
        guard content.hasSuffix("{"), let bracket = content.firstIndex(of: "("), let first = words.first,
            !noNames.contains(first), !content.hasPrefix("}"), !content.hasPrefix(".")
        else { return nil }
        let head = content[..<bracket]
        if content.firstRange(of: "=>") != nil {
            guard head.contains("=") else { return nil }
            return words.first { !["const", "let", "var", "export", "async"].contains($0) }.map(String.init)
        }
        let before = head.split { $0 == " " }
        guard let name = before.last, before.count <= 4, !head.contains("="), !head.contains("."), !head.contains(",")
        else { return nil }
        return name.allSatisfy { $0.isLetter || $0.isNumber || "_$#".contains($0) } ? String(name) : nil
    }
}
