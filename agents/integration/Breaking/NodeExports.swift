import JSONTools

/// What a package of Node's offers: the names that its entry files export, as far as they stand there in words.
struct NodeExports {
    static let maxFiles = 500

    /// Text of a file of the project, relative to it; nil when it isn't there.
    let read: (String) -> String?

    /// - Returns: nil of a project that offers nothing: it has neither `exports` nor `main`.
    func symbols() -> ExportedSymbols? {
        guard let text = read("package.json"),
            let package = try? JSONValue(parsing: Array(text.utf8), limits: JSONLimits(maxBytes: 1 << 20))
        else { return nil }
        var entries: [(name: String, file: String)] = []
        if let exports = package["exports"] {
            if let members = exports.objectValue, members.keys.contains(where: { $0.hasPrefix(".") }) {
                for (key, value) in members where !key.contains("*") {
                    if let file = Self.target(value) {
                        entries.append((key == "." ? "" : String(key.dropFirst(2)), file))
                    }
                }
            } else if let file = Self.target(exports) {
                entries.append(("", file))
            }
        } else if let main = package["main"]?.stringValue {
            entries.append(("", main))
        }
        guard !entries.isEmpty else { return nil }
        var found = ExportedSymbols()
        for (name, file) in entries {
            let path = Self.plain(file)
            // The way in itself is something that can be lost.
            found.symbols.append(.init(name: name.isEmpty ? "(package)" : name, file: "package.json", line: 1))
            var visited: Set<String> = []
            for symbol in names(in: path, &visited) {
                found.symbols.append(
                    .init(
                        name: name.isEmpty ? symbol.name : "\(name).\(symbol.name)", file: symbol.file,
                        line: symbol.line))
            }
        }
        return found
    }

    /// The file of an entry of `exports`: a text, or conditions that end in one.
    private static func target(_ value: JSONValue) -> String? {
        if let text = value.stringValue { return text }
        for key in ["node", "import", "require", "default"] {
            if let found = value[key].flatMap(target) { return found }
        }
        return nil
    }

    private static func plain(_ path: String) -> String { path.hasPrefix("./") ? String(path.dropFirst(2)) : path }

    private func resolve(_ path: String) -> (path: String, text: String)? {
        for end in ["", ".js", ".mjs", ".cjs", ".ts", "/index.js", "/index.ts"] {
            if let text = read(path + end) { return (path + end, text) }
        }
        return nil
    }

    private func names(in path: String, _ visited: inout Set<String>) -> [ExportedSymbols.Symbol] {
        guard let (file, text) = resolve(path), visited.count < Self.maxFiles, visited.insert(file).inserted else {
            return []
        }
        var found: [ExportedSymbols.Symbol] = []
        let source = Self.withoutComments(text)
        for (name, line) in Self.names(in: source) { found.append(.init(name: name, file: file, line: line)) }
        for other in Self.passedOn(in: source) where other.hasPrefix(".") {
            found += names(in: Self.join(file, other), &visited)
        }
        return found
    }

    /// A path relative to a file.
    static func join(_ file: String, _ relative: String) -> String {
        var parts = file.split(separator: "/").dropLast().map(String.init)
        for part in relative.split(separator: "/") {
            switch part {
            case ".": break
            case "..": if !parts.isEmpty { parts.removeLast() }
            default: parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }

    // MARK: Text

    /// The same text without comments and templates, its lines where they were.
    ///
    /// - Parameters:
    ///   - text: JavaScript, or another language with the same comments.
    ///   - hasTemplates: whether what is between backticks is text.
    static func withoutComments(_ text: String, hasTemplates: Bool = true) -> String {
        enum State { case code, line, block, quote(UInt8), template }
        var state = State.code
        var result: [UInt8] = []
        let bytes = Array(text.utf8)
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            let next = at + 1 < bytes.count ? bytes[at + 1] : 0
            switch state {
            case .code:
                if byte == 0x2F, next == 0x2F {
                    state = .line
                    result.append(0x20)
                } else if byte == 0x2F, next == 0x2A {
                    state = .block
                    result.append(0x20)
                    at += 1
                } else {
                    if byte == 0x22 || (byte == 0x27 && hasTemplates) { state = .quote(byte) }
                    if byte == 0x60, hasTemplates { state = .template }
                    result.append(byte)
                }
            case .line:
                if byte == 0x0A {
                    state = .code
                    result.append(byte)
                }
            case .block:
                if byte == 0x0A { result.append(byte) }
                if byte == 0x2A, next == 0x2F {
                    state = .code
                    at += 1
                }
            case .quote(let mark):
                result.append(byte)
                if byte == 0x5C, next != 0 {
                    result.append(next)
                    at += 1
                } else if byte == mark || byte == 0x0A {
                    state = .code
                }
            case .template:
                if byte == 0x0A { result.append(byte) }
                if byte == 0x5C {
                    at += 1
                } else if byte == 0x60 {
                    state = .code
                    result.append(byte)
                }
            }
            at += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The names that a module exports, with their lines: of ES modules and CommonJS.
    static func names(in source: String) -> [(name: String, line: Int)] {
        var found: [(String, Int)] = []
        func add(_ name: Substring, at place: String.Index) {
            guard !name.isEmpty, !found.contains(where: { $0.0 == name }) else { return }
            found.append((String(name), 1 + source[..<place].utf8.count { $0 == 0x0A }))
        }
        let declared =
            /export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|class|const|let|var|enum|interface|type)\s+([A-Za-z_$][\w$]*)/
        for match in source.matches(of: declared) { add(match.1, at: match.range.lowerBound) }
        for match in source.matches(of: /export\s+default\b/) { add("default", at: match.range.lowerBound) }
        for match in source.matches(of: /export\s+(?:type\s+)?\{([^}]*)\}/) {
            for part in match.1.split(separator: ",") {
                if let last = part.split(whereSeparator: \.isWhitespace).last { add(last, at: part.startIndex) }
            }
        }
        for match in source.matches(of: /(?:module\.)?exports\.([A-Za-z_$][\w$]*)\s*=[^=]/) {
            add(match.1, at: match.range.lowerBound)
        }
        for match in source.matches(of: /module\.exports\s*=\s*\{/) {
            for (name, place) in members(of: source, from: match.range.upperBound) { add(name, at: place) }
        }
        return found
    }

    /// The modules whose exports this one passes on.
    static func passedOn(in source: String) -> [String] {
        source.matches(of: /export\s*\*\s*from\s*["']([^"']+)["']/).map { String($0.1) }
            + source.matches(of: /module\.exports\s*=\s*require\(\s*["']([^"']+)["']/).map { String($0.1) }
    }

    /// The names of an object's members, from behind its brace on.
    private static func members(of source: String, from start: String.Index) -> [(name: Substring, place: String.Index)]
    {
        var found: [(Substring, String.Index)] = []
        var depth = 0
        var isName = true
        var at = start
        while at < source.endIndex {
            let character = source[at]
            if "({[".contains(character) {
                depth += 1
                isName = false
            } else if ")}]".contains(character) {
                depth -= 1
                if depth < 0 { return found }
            } else if depth == 0, character == "," {
                isName = true
            } else if depth == 0, isName, character.isLetter || character == "_" || character == "$" {
                let name = source[at...].prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" }
                let isWord = ["async", "get", "set"].contains(name)
                let rest = source[name.endIndex...].drop(while: \.isWhitespace)
                if isWord, rest.first?.isLetter == true {
                    at = name.endIndex
                    continue
                }
                found.append((name, at))
                isName = false
                at = name.endIndex
                continue
            } else if depth == 0, !character.isWhitespace, character != "\"", character != "'" {
                isName = false
            }
            at = source.index(after: at)
        }
        return found
    }
}
