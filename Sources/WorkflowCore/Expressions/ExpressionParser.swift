import JSONTools

/// Reads an expression by recursive descent:
///
///     or      = and {"or" and}
///     and     = not {"and" not}
///     not     = "not" not | compare
///     compare = value [operator value | "not" "in" value | "exists"]
///     value   = literal | path | function "(" … ")" | "[" … "]" | "(" or ")"
struct ExpressionParser {
    private let text: ExpressionText
    private var lexer: ExpressionLexer
    private var token: ExpressionToken
    private var depth = 0
    private(set) var reads = ExpressionReads()

    private static let reserved: Set<String> = [
        "and", "or", "not", "in", "contains", "matches", "exists", "true", "false", "null",
    ]
    private static let roots = ["input", "workflow", "stages", "env"]
    private static let laterRoots = ["steps", "item", "index", "secrets"]
    private static let workflowFields = ["id", "type", "name", "description", "requirements", "priority"]

    init(_ text: ExpressionText, range: Range<Int>) throws(ExpressionError) {
        guard range.count <= ExpressionLimits.sourceBytes else {
            throw text.error(
                .limit, at: range.lowerBound,
                "found an expression of \(range.count) bytes; expected at most \(ExpressionLimits.sourceBytes)")
        }
        self.text = text
        self.lexer = ExpressionLexer(text, range: range)
        self.token = try lexer.next()
    }

    /// Reads the whole text as one expression.
    mutating func parse() throws(ExpressionError) -> ExpressionNode {
        if token.kind == .end {
            throw text.error(.syntax, at: token.offset, "found an empty expression; expected for example input.name")
        }
        let node = try disjunction()
        guard token.kind == .end else {
            throw unexpected("an operator or the end", hint: hintAfterValue())
        }
        return node
    }

    // MARK: Operators

    private mutating func disjunction() throws(ExpressionError) -> ExpressionNode {
        try nested { (parser: inout Self) throws(ExpressionError) in
            let first = try parser.conjunction()
            guard parser.isWord("or") else { return first }
            var operands = [first]
            while try parser.take(word: "or") { operands.append(try parser.conjunction()) }
            return ExpressionNode(kind: .any(operands), offset: first.offset)
        }
    }

    private mutating func conjunction() throws(ExpressionError) -> ExpressionNode {
        let first = try negation()
        guard isWord("and") else { return first }
        var operands = [first]
        while try take(word: "and") { operands.append(try negation()) }
        return ExpressionNode(kind: .all(operands), offset: first.offset)
    }

    private mutating func negation() throws(ExpressionError) -> ExpressionNode {
        let offset = token.offset
        guard try take(word: "not") else { return try comparison() }
        let operand = try nested { (parser: inout Self) throws(ExpressionError) in try parser.negation() }
        return ExpressionNode(kind: .negation(operand), offset: offset)
    }

    private mutating func comparison() throws(ExpressionError) -> ExpressionNode {
        let left = try value()
        let offset = token.offset
        if try take(word: "exists") { return ExpressionNode(kind: .exists(left), offset: left.offset) }
        let isNegated = try take(word: "not")
        if isNegated, !isWord("in") { throw unexpected("'in' after 'not'") }
        guard let comparison = takenComparison() else { return left }
        try advance()
        let right = try value()
        if takenComparison() != nil || isWord("exists") {
            throw unexpected(
                "'and', 'or' or the end", hint: "comparisons do not chain: write a < b and b < c, or use parentheses")
        }
        var kind = ExpressionNode.Kind.comparison(comparison, left, right)
        if comparison == .matches, case .literal(let literal) = right.kind {
            kind = .match(left, try pattern(literal, at: right.offset))
        }
        let node = ExpressionNode(kind: kind, offset: offset)
        return isNegated ? ExpressionNode(kind: .negation(node), offset: offset) : node
    }

    private func takenComparison() -> ExpressionComparison? {
        switch token.kind {
        case .sign(let sign): ExpressionComparison(rawValue: sign)
        case .word(let word): ExpressionComparison(rawValue: word)
        case .literal, .end: nil
        }
    }

    private func pattern(_ literal: JSONValue, at offset: Int) throws(ExpressionError) -> TextPattern {
        guard case .string(let source) = literal else {
            throw text.error(
                .wrongType, at: offset, "found \(literal.kindName) after 'matches'; expected a pattern in quotes")
        }
        do {
            return try TextPattern(source)
        } catch {
            throw text.error(.syntax, at: offset, "in the pattern '\(source)': \(error.description)")
        }
    }

    // MARK: Values

    private mutating func value() throws(ExpressionError) -> ExpressionNode {
        let start = token
        switch start.kind {
        case .literal(let literal):
            try advance()
            return ExpressionNode(kind: .literal(literal), offset: start.offset)
        case .sign("("):
            try advance()
            let inner = try disjunction()
            try expect(")")
            return inner
        case .sign("["):
            try advance()
            return ExpressionNode(kind: .list(try elements(until: "]")), offset: start.offset)
        case .word(let word): return try named(word)
        case .sign, .end: throw unexpected("a value")
        }
    }

    private mutating func named(_ word: String) throws(ExpressionError) -> ExpressionNode {
        let start = token
        switch word {
        case "true", "false", "null":
            try advance()
            let literal: JSONValue = word == "null" ? .null : .bool(word == "true")
            return ExpressionNode(kind: .literal(literal), offset: start.offset)
        case _ where Self.reserved.contains(word):
            let hint = word == "exists" ? "write it after the value: input.name exists" : nil
            throw unexpected("a value", hint: hint)
        default:
            try advance()
        }
        if token.kind == .sign("(") { return try call(word, at: start.offset) }
        let path = try path(from: word, at: start.offset)
        return ExpressionNode(kind: .path(path), offset: start.offset)
    }

    private mutating func call(_ name: String, at offset: Int) throws(ExpressionError) -> ExpressionNode {
        guard let function = ExpressionFunction(rawValue: name) else {
            let known = ExpressionFunction.allCases.map(\.rawValue)
            let hint = name == "exists" ? "write it after the value: input.name exists" : didYouMean(name, among: known)
            throw text.error(
                .unknownName, at: offset,
                "found the unknown function '\(name)'; expected one of \(known.joined(separator: ", "))", hint: hint)
        }
        try advance()
        let arguments = try elements(until: ")")
        guard function.arity.contains(arguments.count) else {
            throw text.error(
                .syntax, at: offset,
                "found \(arguments.count) argument\(arguments.count == 1 ? "" : "s") for '\(name)'; expected \(function.usage)"
            )
        }
        return ExpressionNode(kind: .call(function, arguments), offset: offset)
    }

    private mutating func elements(until closing: String) throws(ExpressionError) -> [ExpressionNode] {
        var elements: [ExpressionNode] = []
        while token.kind != .sign(closing) {
            if !elements.isEmpty { try expect(",", or: closing) }
            elements.append(try disjunction())
        }
        try advance()
        return elements
    }

    // MARK: Paths

    private mutating func path(from root: String, at offset: Int) throws(ExpressionError) -> ExpressionPath {
        switch root {
        case "input":
            let keys = try keys()
            if case .name(let field)? = keys.first { reads.inputFields.insert(field) }
            return ExpressionPath(root: .input, keys: keys)
        case "env": return ExpressionPath(root: .env, keys: try keys())
        case "workflow":
            let keys = try keys()
            if case .name(let field)? = keys.first {
                try check(field, among: Self.workflowFields, of: "workflow", offset)
            }
            return ExpressionPath(root: .workflow, keys: keys)
        case "stages": return try stagePath(at: offset)
        case _ where Self.laterRoots.contains(root):
            throw text.error(
                .notSupported, at: offset, "'\(root)' is not supported in this version",
                hint: "expressions can read \(Self.roots.joined(separator: ", "))")
        default:
            let hint =
                didYouMean(root, among: Self.roots + Self.laterRoots)
                ?? "text needs quotes, and the fields of input_data are read as input.\(root)"
            throw text.error(
                .unknownName, at: offset,
                "found the unknown name '\(root)'; expected one of \(Self.roots.joined(separator: ", "))", hint: hint)
        }
    }

    private mutating func stagePath(at offset: Int) throws(ExpressionError) -> ExpressionPath {
        let fields = ExpressionPath.StageField.allCases.map(\.rawValue)
        let shape = "stages.<name>.<\(fields.joined(separator: " | "))>"
        guard case .name(let stage)? = try key(), case .name(let fieldName)? = try key() else {
            throw text.error(.syntax, at: offset, "found an incomplete path; expected \(shape)")
        }
        guard let field = ExpressionPath.StageField(rawValue: fieldName) else {
            let hint =
                didYouMean(fieldName, among: fields)
                ?? "what the agent gave back is in stages.\(stage).output.\(fieldName)"
            throw text.error(
                .unknownName, at: offset,
                "found 'stages.\(stage).\(fieldName)'; expected one of \(fields.joined(separator: ", ")) after the stage",
                hint: hint)
        }
        reads.stages.insert(stage)
        return ExpressionPath(root: .stage(stage, field), keys: try keys())
    }

    private func check(
        _ field: String, among fields: [String], of root: String, _ offset: Int
    ) throws(ExpressionError) {
        guard !fields.contains(field) else { return }
        throw text.error(
            .unknownName, at: offset,
            "found '\(root).\(field)'; expected one of \(fields.joined(separator: ", ")) after '\(root).'",
            hint: didYouMean(field, among: fields))
    }

    private mutating func keys() throws(ExpressionError) -> [ExpressionPath.Key] {
        var keys: [ExpressionPath.Key] = []
        while let key = try key() { keys.append(key) }
        return keys
    }

    /// The next `.name`, `['name']` or `[0]` of a path, if there is one.
    private mutating func key() throws(ExpressionError) -> ExpressionPath.Key? {
        switch token.kind {
        case .sign("."):
            try advance()
            guard case .word(let name) = token.kind else {
                throw unexpected("a name after '.'", hint: "other keys are written ['like this'], elements [0]")
            }
            try advance()
            return .name(name)
        case .sign("["):
            try advance()
            let key: ExpressionPath.Key
            switch token.kind {
            case .literal(.string(let name)): key = .name(name)
            case .literal(.integer(let index)) where index >= 0 && index <= Int32.max: key = .index(Int(index))
            case .literal, .word, .sign, .end: throw unexpected("a key in quotes or a position from 0 in the brackets")
            }
            try advance()
            try expect("]")
            return key
        case .word, .literal, .sign, .end: return nil
        }
    }

    // MARK: Tokens

    private mutating func advance() throws(ExpressionError) { token = try lexer.next() }

    private func isWord(_ word: String) -> Bool { token.kind == .word(word) }

    private mutating func take(word: String) throws(ExpressionError) -> Bool {
        guard isWord(word) else { return false }
        try advance()
        return true
    }

    private mutating func expect(_ sign: String, or other: String? = nil) throws(ExpressionError) {
        guard token.kind == .sign(sign) else {
            throw unexpected(other.map { "'\(sign)' or '\($0)'" } ?? "'\(sign)'", hint: hintAfterValue())
        }
        try advance()
    }

    private mutating func nested(
        _ body: (inout Self) throws(ExpressionError) -> ExpressionNode
    ) throws(ExpressionError) -> ExpressionNode {
        guard depth < ExpressionLimits.depth else {
            throw text.error(
                .limit, at: token.offset, "found nesting beyond \(ExpressionLimits.depth) levels; expected fewer")
        }
        depth += 1
        let node = try body(&self)
        depth -= 1
        return node
    }

    private func unexpected(_ expected: String, hint: String? = nil) -> ExpressionError {
        text.error(.syntax, at: token.offset, "found \(token.name); expected \(expected)", hint: hint)
    }

    /// Advice for a word that stands where an operator must be.
    private func hintAfterValue() -> String? {
        guard case .word(let word) = token.kind else { return nil }
        return didYouMean(word, among: ["and", "or", "not", "in", "contains", "matches", "exists"])
    }
}

/// "did you mean 'x'?", if one of the candidates is close.
func didYouMean(_ word: String, among candidates: [String]) -> String? {
    closestMatch(word, in: candidates).map { "did you mean '\($0)'?" }
}
