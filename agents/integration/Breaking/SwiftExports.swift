/// What a Swift package offers: the public declarations of its sources, as they stand there.
///
/// Read without a compiler: line for line, with the types and extensions around them by their braces. What only a macro
/// or a conformance brings isn't seen.
struct SwiftExports {
    /// Whether a package offers something to other packages.
    ///
    /// - Parameter package: text of its `Package.swift`.
    static func hasLibrary(_ package: String) -> Bool { package.contains(".library(") }

    /// The public declarations of a file.
    ///
    /// - Parameters:
    ///   - text: its text.
    ///   - file: its path, `Sources/Shop/Price.swift`: the folder is what its names begin with.
    static func symbols(in text: String, file: String) -> [ExportedSymbols.Symbol] {
        let parts = file.split(separator: "/")
        guard parts.count > 2, parts[0] == "Sources" else { return [] }
        let plain = NodeExports.withoutComments(text, hasTemplates: false)
        let source = plain.split(separator: "\n", omittingEmptySubsequences: false)
        var found: [ExportedSymbols.Symbol] = []
        var scopes: [Scope] = []
        // Of a declaration whose brace is on a later line.
        var waiting: Scope?
        var isInText = false
        for (index, line) in source.enumerated() {
            let marks = line.matches(of: /"""/).count
            defer { if marks % 2 == 1 { isInText.toggle() } }
            if isInText { continue }
            var rest = withoutTexts(line)[...]
            while !rest.isEmpty {
                let part = rest.prefix { $0 != "{" && $0 != "}" && $0 != ";" }
                if let declared = declaration(part.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init))
                {
                    let after = [String(rest)] + source[(index + 1)...].prefix(40).map(withoutTexts)
                    let symbols = symbols(of: declared, in: part, after, scopes, &waiting)
                    for (name, arguments) in symbols {
                        let whole = ([String(parts[1])] + scopes.compactMap(\.name) + [name]).joined(separator: ".")
                        found.append(.init(name: whole, file: file, line: index + 1, arguments: arguments))
                    }
                }
                rest = rest[part.endIndex...]
                if rest.first == "{" {
                    scopes.append(waiting ?? Scope(name: nil, inherited: .none))
                    waiting = nil
                } else if rest.first == "}", !scopes.isEmpty {
                    scopes.removeLast()
                }
                rest = rest.dropFirst()
            }
        }
        return found
    }

    /// What is around a line, from a brace to its end.
    private struct Scope {
        enum Inheritance { case none, cases, all }

        /// nil for braces that make no scope of names.
        var name: String?
        /// What in it is public without saying so.
        var inherited: Inheritance
    }

    /// What a declaration offers, without what is around it; of a type, its braces are waited for.
    ///
    /// - Parameters:
    ///   - declared: the declaration.
    ///   - part: its text, as far as it is on its line.
    ///   - lines: its text and what follows.
    ///   - scopes: what is around it.
    ///   - waiting: gets its scope.
    private static func symbols(
        of declared: Declaration, in part: Substring, _ lines: [String], _ scopes: [Scope], _ waiting: inout Scope?
    ) -> [(name: String, arguments: [ExportedSymbols.Argument]?)] {
        let isOutside = scopes.allSatisfy { $0.name != nil }
        let isInherited = inherits(declared, in: scopes.last) && !declared.isHidden
        let isPublic = isOutside && (declared.isPublic || isInherited)
        if let kind = declared.scope {
            let inherited: Scope.Inheritance =
                switch kind {
                case "protocol": isPublic ? .all : .none
                case "enum": isPublic ? .cases : .none
                case "extension": declared.isPublic ? .all : .none
                default: .none
                }
            waiting = Scope(name: declared.name, inherited: inherited)
            return isPublic && kind != "extension" ? [(declared.name, nil)] : []
        }
        guard isPublic else { return [] }
        if declared.keyword == "case" { return cases(part).map { ($0, nil) } }
        let isCallable = ["func", "init", "subscript"].contains(declared.keyword)
        return [(declared.name, isCallable ? arguments(lines) : nil)]
    }

    private static func inherits(_ declared: Declaration, in scope: Scope?) -> Bool {
        switch scope?.inherited {
        case .all: true
        case .cases: declared.keyword == "case"
        case .none?, nil: false
        }
    }

    /// The names of a line `case a, b(Int) = 1`.
    private static func cases(_ line: Substring) -> [String] {
        guard let start = line.firstRange(of: "case ")?.upperBound else { return [] }
        var depth = 0
        let parts = line[start...].split { character in
            if character == "(" { depth += 1 } else if character == ")" { depth -= 1 }
            return character == "," && depth == 0
        }
        return parts.map { identifier(String($0.drop(while: \.isWhitespace))) }.filter { !$0.isEmpty }
    }

    /// A line without what stands between its quotation marks.
    private static func withoutTexts(_ line: some StringProtocol) -> String {
        var result = ""
        var isText = false
        var isEscaped = false
        for character in line {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if character == "\\" {
                    isEscaped = true
                } else if character == "\"" {
                    isText = false
                }
            } else if character == "\"" {
                isText = true
            } else {
                result.append(character)
            }
        }
        return result
    }

    private struct Declaration {
        var keyword: String
        var name: String
        var isPublic: Bool
        /// Whether it says that it is not for everybody.
        var isHidden: Bool
        /// The keyword, if names can be declared in it.
        var scope: String?
    }

    private static let scopes: Set<String> = ["class", "struct", "enum", "protocol", "actor", "extension"]
    private static let others: Set<String> = [
        "func", "var", "let", "typealias", "associatedtype", "init", "subscript", "case", "macro",
    ]
    private static let modifiers: Set<String> = [
        "final", "static", "indirect", "mutating", "nonmutating", "override", "required", "convenience", "lazy", "weak",
        "nonisolated", "dynamic", "borrowing", "consuming", "unowned", "distributed", "prefix", "postfix", "infix",
        "nonisolated(unsafe)",
    ]

    private static func declaration(_ words: [String]) -> Declaration? {
        var isPublic = false
        var isHidden = false
        for (index, word) in words.enumerated() {
            let next = index + 1 < words.count ? words[index + 1] : ""
            switch word {
            case "public", "open": isPublic = true
            case "private", "fileprivate", "internal", "package": isHidden = true
            // `class func` and `class var` are members.
            case "class" where others.contains(next): continue
            default:
                let keyword = String(word.prefix { $0.isLetter })
                if modifiers.contains(word) || word.hasPrefix("@") || word.hasPrefix("private(")
                    || word.hasPrefix("public(") || word.hasPrefix("internal(") || word.hasPrefix("package(")
                {
                    continue
                }
                if scopes.contains(word) {
                    return Declaration(
                        keyword: word, name: identifier(next), isPublic: isPublic, isHidden: isHidden, scope: word)
                }
                guard others.contains(keyword) else { return nil }
                let name = keyword == "init" || keyword == "subscript" ? keyword : identifier(next)
                guard !name.isEmpty else { return nil }
                return Declaration(keyword: keyword, name: name, isPublic: isPublic, isHidden: isHidden, scope: nil)
            }
        }
        return nil
    }

    /// The name at the beginning of a word: of an operator its signs, of a type with dots all of it.
    private static func identifier(_ word: String) -> String {
        let name = word.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." || $0 == "`" }
        return String(name.isEmpty ? word.prefix { $0 != "(" && $0 != "<" } : name)
    }

    /// The labels between the first parentheses of some lines, and whether a value has to be given for each.
    private static func arguments(_ lines: [String]) -> [ExportedSymbols.Argument] {
        var parameters: [String] = []
        var current = ""
        var depth = 0
        var hasBegun = false
        scan: for line in lines {
            for character in line {
                if "([{<".contains(character) {
                    if character == "(", !hasBegun {
                        hasBegun = true
                        continue
                    }
                    if character == "<", !hasBegun { continue }
                    depth += 1
                } else if ")]}>".contains(character) {
                    // The arrow of a function's type closes nothing.
                    if character == ">", current.hasSuffix("-") || !hasBegun {
                        current.append(character)
                        continue
                    }
                    if depth == 0, hasBegun { break scan }
                    depth -= 1
                }
                guard hasBegun else { continue }
                if character == ",", depth == 0 {
                    parameters.append(current)
                    current = ""
                } else {
                    current.append(character)
                }
            }
            current += " "
        }
        parameters.append(current)
        var counts: [String: Int] = [:]
        return parameters.compactMap { parameter in
            guard let label = parameter.split(whereSeparator: { $0 == " " || $0 == ":" }).first, parameter.contains(":")
            else { return nil }
            // Those without label are told by their place.
            var name = String(label)
            if name == "_" {
                let number = counts["_", default: 0]
                counts["_"] = number + 1
                name = "_\(number)"
            }
            return ExportedSymbols.Argument(name: name, isRequired: !hasDefault(parameter))
        }
    }

    private static func hasDefault(_ parameter: String) -> Bool {
        var before: Character = " "
        for (character, next) in zip(parameter, parameter.dropFirst() + " ") {
            if character == "=", before != "=", next != "=", before != "!" { return true }
            before = character
        }
        return false
    }
}
