import JSONTools

/// Walks a read expression with a scope.
struct ExpressionEvaluator {
    let text: ExpressionText
    let scope: ExpressionScope
    var budget: EvaluationBudget

    mutating func evaluate(_ node: ExpressionNode) throws(ExpressionError) -> JSONValue {
        try spend(1, at: node)
        switch node.kind {
        case .literal(let value): return value
        case .path(let path): return try resolve(path, at: node)
        case .list(let elements):
            var values: [JSONValue] = []
            var size = 0
            for element in elements {
                let value = try evaluate(element)
                size += value.approximateSize(upTo: budget.bytes)
                guard size <= budget.bytes else { throw tooLarge(at: node) }
                values.append(value)
            }
            return .array(values)
        case .negation(let operand): return .bool(!(try truth(of: operand, for: "not")))
        case .all(let operands):
            for operand in operands where !(try truth(of: operand, for: "and")) { return false }
            return true
        case .any(let operands):
            for operand in operands where try truth(of: operand, for: "or") { return true }
            return false
        case .comparison(let comparison, let left, let right):
            return .bool(try compare(comparison, left, right, at: node))
        case .match(let subject, let pattern): return .bool(try match(subject, pattern, at: node))
        case .exists(let operand): return .bool(!(try valueOrNull(operand).isNull))
        case .call(let function, let arguments): return try call(function, arguments, at: node)
        }
    }

    /// The value of a condition: true or false; null counts as false.
    mutating func truth(of node: ExpressionNode, for user: String) throws(ExpressionError) -> Bool {
        switch try evaluate(node) {
        case .bool(let value): return value
        case .null: return false
        case let other:
            throw error(
                .wrongType, node, "found \(other.kindName) for '\(user)'; expected true or false",
                hint: "compare it with something, or write '… exists'")
        }
    }

    /// The value of a part, or null if it is something of a stage that has not run: what `exists` and `default` see.
    mutating func valueOrNull(_ node: ExpressionNode) throws(ExpressionError) -> JSONValue {
        do {
            return try evaluate(node)
        } catch {
            guard error.code == .notRun else { throw error }
            return .null
        }
    }

    // MARK: Paths

    private mutating func resolve(
        _ path: ExpressionPath, at node: ExpressionNode
    ) throws(ExpressionError) -> JSONValue {
        try spend(path.keys.count, at: node)
        switch path.root {
        case .input: return Self.follow(path.keys[...], from: scope.input)
        case .workflow: return Self.follow(path.keys[...], from: .object(scope.workflow))
        case .env:
            guard case .name(let name)? = path.keys.first else {
                throw error(.wrongType, node, "found 'env' alone; expected a name after it, as in env.HOME")
            }
            let value = scope.env[name].map(JSONValue.string) ?? .null
            return Self.follow(path.keys.dropFirst(), from: value)
        case .stage(let name, let field):
            return Self.follow(path.keys[...], from: try value(of: field, stage: name, at: node))
        }
    }

    private func value(
        of field: ExpressionPath.StageField, stage name: String, at node: ExpressionNode
    ) throws(ExpressionError) -> JSONValue {
        guard let stage = scope.stages[name] else {
            throw error(
                .notRun, node, "found 'stages.\(name).\(field.rawValue)', but stage '\(name)' has not run",
                hint: "write default(stages.\(name).\(field.rawValue), …) if that may be")
        }
        if field == .status { return .string(stage.status) }
        guard stage.hasRun else {
            throw error(
                .notRun, node,
                "found 'stages.\(name).\(field.rawValue)', but stage '\(name)' has not run (it is \(stage.status))",
                hint: "write default(stages.\(name).\(field.rawValue), …) if that may be")
        }
        switch field {
        case .status: return .string(stage.status)
        case .output: return stage.output ?? .null
        case .commit: return stage.commit.map(JSONValue.string) ?? .null
        case .artifacts: return .array(stage.artifacts)
        }
    }

    /// What lies at the end of a path. What is not there is null.
    private static func follow(_ keys: ArraySlice<ExpressionPath.Key>, from start: JSONValue) -> JSONValue {
        var value = start
        for key in keys {
            switch key {
            case .name(let name): value = value[name] ?? .null
            case .index(let index): value = value[index] ?? .null
            }
        }
        return value
    }

    // MARK: Operators

    private mutating func compare(
        _ comparison: ExpressionComparison, _ leftNode: ExpressionNode, _ rightNode: ExpressionNode,
        at node: ExpressionNode
    ) throws(ExpressionError) -> Bool {
        let left = try evaluate(leftNode)
        let right = try evaluate(rightNode)
        switch comparison {
        case .equal, .unequal:
            try spendSize(of: left, at: node)
            return (left == right) == (comparison == .equal)
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            guard let isLess = Self.isLess(left, right), let isGreater = Self.isLess(right, left) else {
                throw error(
                    .wrongType, node,
                    "found \(left.kindName) \(comparison.rawValue) \(right.kindName); expected two numbers or two texts",
                    hint: left.isNull || right.isNull ? "default(x, 0) stands in for what is missing" : nil)
            }
            switch comparison {
            case .less: return isLess
            case .lessOrEqual: return !isGreater
            case .greater: return isGreater
            default: return !isLess
            }
        case .within: return try contains(right, left, containerFirst: false, at: node)
        case .contains: return try contains(left, right, containerFirst: true, at: node)
        case .matches:
            guard case .string(let source) = right else {
                throw error(.wrongType, rightNode, "found \(right.kindName) after 'matches'; expected a pattern")
            }
            do {
                return try match(left, try TextPattern(source), at: node)
            } catch let failure as TextPattern.Failure {
                throw error(.wrongType, rightNode, "in the pattern '\(source)': \(failure.description)")
            } catch let failure as ExpressionError {
                throw failure
            } catch {
                preconditionFailure("a pattern throws nothing else")
            }
        }
    }

    /// Order of two numbers or two texts (by code point); nil for anything else.
    static func isLess(_ left: JSONValue, _ right: JSONValue) -> Bool? {
        switch (left, right) {
        case (.integer(let left), .integer(let right)): left < right
        case (.integer, .number), (.number, .integer), (.number, .number):
            (left.doubleValue ?? 0) < (right.doubleValue ?? 0)
        case (.string(let left), .string(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        default: nil
        }
    }

    private mutating func contains(
        _ container: JSONValue, _ element: JSONValue, containerFirst: Bool, at node: ExpressionNode
    ) throws(ExpressionError) -> Bool {
        try spendSize(of: container, at: node)
        switch (container, element) {
        case (.array(let elements), _): return elements.contains(element)
        case (.object(let object), .string(let key)): return object[key] != nil
        case (.string(let text), .string(let part)): return text.containsBytes(of: part)
        default:
            let found =
                containerFirst
                ? "\(container.kindName) contains \(element.kindName)" : "\(element.kindName) in \(container.kindName)"
            throw error(
                .wrongType, node, "found \(found); expected a list, a key and an object, or two texts",
                hint: container.isNull ? "default(x, []) stands in for what is missing" : nil)
        }
    }

    private mutating func match(
        _ subject: ExpressionNode, _ pattern: TextPattern, at node: ExpressionNode
    ) throws(ExpressionError) -> Bool {
        try match(try evaluate(subject), pattern, at: node)
    }

    private mutating func match(
        _ subject: JSONValue, _ pattern: TextPattern, at node: ExpressionNode
    ) throws(ExpressionError) -> Bool {
        guard case .string(let string) = subject else {
            throw error(
                .wrongType, node, "found \(subject.kindName) before 'matches'; expected a text",
                hint: subject.isNull ? "default(x, '') stands in for what is missing" : nil)
        }
        let size = string.utf8.count
        guard size <= ExpressionLimits.patternSubjectBytes else {
            throw error(
                .limit, node,
                "found a text of \(size) bytes before 'matches'; expected at most \(ExpressionLimits.patternSubjectBytes)"
            )
        }
        try spend(1 + size * pattern.size / 1024, at: node)
        return pattern.matches(string)
    }

    // MARK: Limits

    mutating func spend(_ steps: Int, at node: ExpressionNode) throws(ExpressionError) {
        budget.steps -= steps
        if budget.steps < 0 {
            throw error(
                .limit, node, "found an evaluation of more than \(ExpressionLimits.steps) steps; expected fewer")
        }
    }

    /// Charges an operation that looks at a whole value.
    mutating func spendSize(of value: JSONValue, at node: ExpressionNode) throws(ExpressionError) {
        try spend(1 + value.approximateSize(upTo: ExpressionLimits.steps * 64) / 64, at: node)
    }

    func tooLarge(at node: ExpressionNode) -> ExpressionError {
        error(.limit, node, "found a result of more than \(ExpressionLimits.resultBytes) bytes; expected less")
    }

    func error(
        _ code: ExpressionError.Code, _ node: ExpressionNode, _ message: String, hint: String? = nil
    ) -> ExpressionError {
        text.error(code, at: node.offset, message, hint: hint)
    }
}
