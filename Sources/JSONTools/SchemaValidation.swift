/// One run of a value through the subschemas of a ``JSONSchema``.
struct SchemaValidation {
    let nodes: [SchemaNode]
    let acceptsSecrets: Bool
    private(set) var violations: [JSONSchema.Violation] = []
    private var steps = 0
    private var gaveUp = false

    init(nodes: [SchemaNode], acceptsSecrets: Bool = false) {
        self.nodes = nodes
        self.acceptsSecrets = acceptsSecrets
    }

    /// Said once in each branch, so that a branch that was not looked at never counts as matching.
    private mutating func giveUp(_ path: [String]) {
        if !gaveUp {
            report(path, "the schema takes more than \(JSONSchema.maxSteps) steps to check this value; simplify it")
        }
        gaveUp = true
    }

    private mutating func report(_ path: [String], _ message: String) {
        guard violations.count < JSONSchema.maxViolations else { return }
        violations.append(JSONSchema.Violation(pointer: JSONPointer(tokens: path), message: message))
    }

    mutating func check(_ value: JSONValue, against index: Int, at path: [String]) {
        guard violations.count < JSONSchema.maxViolations else { return }
        steps += 1
        guard steps <= JSONSchema.maxSteps else {
            giveUp(path)
            return
        }
        let node = nodes[index]
        guard !node.isFalse else {
            report(path, "found \(value.kindName) where nothing is allowed")
            return
        }
        if acceptsSecrets, value.secretName != nil, node.kinds?.contains(.string) ?? true { return }
        if let kinds = node.kinds, !kinds.contains(where: { $0.includes(value) }) {
            report(path, "found \(value.kindName), expected \(kinds.map(\.withArticle).joined(separator: " or "))")
            return
        }
        checkValue(value, node, path)
        switch value {
        case .integer, .number: checkNumber(value, node, path)
        case .string(let text): checkText(text, node, path)
        case .array(let elements): checkArray(elements, node, path)
        case .object(let object): checkObject(object, node, path)
        case .null, .bool: break
        }
        checkAlternatives(value, node, path)
    }

    private mutating func checkValue(_ value: JSONValue, _ node: SchemaNode, _ path: [String]) {
        if let choices = node.enumeration, node.choices?.contains(value) != true {
            let known = choices.prefix(20).map(\.description).joined(separator: ", ")
            let hint =
                value.stringValue.flatMap { closestMatch($0, in: choices.compactMap(\.stringValue)) }
                .map { "; did you mean \"\($0)\"?" } ?? ""
            report(path, "found \(value.abbreviated), expected one of \(known)\(hint)")
        }
        if let constant = node.constant, constant != value {
            report(path, "found \(value.abbreviated), expected \(constant.abbreviated)")
        }
    }

    private mutating func checkNumber(_ value: JSONValue, _ node: SchemaNode, _ path: [String]) {
        if let bound = node.minimum, value.isNumericallyLess(than: bound) {
            report(path, "found \(value), expected at least \(bound)")
        }
        if let bound = node.maximum, bound.isNumericallyLess(than: value) {
            report(path, "found \(value), expected at most \(bound)")
        }
        if let bound = node.exclusiveMinimum, !bound.isNumericallyLess(than: value) {
            report(path, "found \(value), expected more than \(bound)")
        }
        if let bound = node.exclusiveMaximum, !value.isNumericallyLess(than: bound) {
            report(path, "found \(value), expected less than \(bound)")
        }
    }

    private mutating func checkText(_ text: String, _ node: SchemaNode, _ path: [String]) {
        if node.minLength != nil || node.maxLength != nil {
            let length = text.unicodeScalars.count
            if let least = node.minLength, length < least {
                report(path, "found \(length) characters, expected at least \(least)")
            }
            if let most = node.maxLength, length > most {
                report(path, "found \(length) characters, expected at most \(most)")
            }
        }
        guard let pattern = node.pattern else { return }
        steps += text.utf8.count * pattern.program.count / JSONSchema.patternWorkPerStep
        guard steps <= JSONSchema.maxSteps else {
            giveUp(path)
            return
        }
        if !pattern.isFound(in: text) {
            report(path, "found \(JSONValue.string(text).abbreviated), expected a match of \(pattern.source)")
        }
    }

    private mutating func checkArray(_ elements: [JSONValue], _ node: SchemaNode, _ path: [String]) {
        if let least = node.minItems, elements.count < least {
            report(path, "found \(elements.count) elements, expected at least \(least)")
        }
        if let most = node.maxItems, elements.count > most {
            report(path, "found \(elements.count) elements, expected at most \(most)")
        }
        if node.uniqueItems {
            var seen: Set<JSONValue> = []
            for (index, element) in elements.enumerated() where !seen.insert(element).inserted {
                report(path + [String(index)], "found \(element.abbreviated) a second time, expected it once")
            }
        }
        guard let items = node.items else { return }
        for (index, element) in elements.enumerated() { check(element, against: items, at: path + [String(index)]) }
    }

    private mutating func checkObject(_ object: JSONObject, _ node: SchemaNode, _ path: [String]) {
        for name in node.required where object[name] == nil {
            report(path + [name], "the required member \"\(name)\" is missing")
        }
        for (key, value) in object {
            // What isn't reported needs no hint either.
            guard violations.count < JSONSchema.maxViolations else { return }
            if let property = node.propertyIndex[key] {
                check(value, against: property, at: path + [key])
                continue
            }
            switch node.additional {
            case .anything: break
            case .schema(let index): check(value, against: index, at: path + [key])
            case .nothing:
                let known = node.properties.map(\.name)
                let hint = closestMatch(key, in: known).map { "did you mean \"\($0)\"?" }
                let list = known.isEmpty ? "no members are allowed" : "known are \(known.joined(separator: ", "))"
                report(path + [key], "the member \"\(key)\" is not known; \(hint ?? list)")
            }
        }
    }

    private mutating func checkAlternatives(_ value: JSONValue, _ node: SchemaNode, _ path: [String]) {
        if let reference = node.reference { check(value, against: reference, at: path) }
        for index in node.allOf { check(value, against: index, at: path) }
        if !node.anyOf.isEmpty {
            let failures = failures(of: node.anyOf, value, path, until: 1)
            if failures.count == node.anyOf.count { report(path, matchesNone(failures)) }
        }
        if !node.oneOf.isEmpty {
            let failures = failures(of: node.oneOf, value, path, until: 2)
            let matches = node.oneOf.count - failures.count
            if matches == 0 { report(path, matchesNone(failures)) }
            if matches > 1 {
                report(path, "matches more than one of \(node.oneOf.count) alternatives, expected just one")
            }
        }
    }

    /// The violations of each alternative that fails, until `enough` alternatives have matched; those that were not
    /// looked at any more count as matching.
    private mutating func failures(
        of alternatives: [Int], _ value: JSONValue, _ path: [String], until enough: Int
    ) -> [[JSONSchema.Violation]] {
        var failures: [[JSONSchema.Violation]] = []
        var matches = 0
        for index in alternatives {
            var branch = SchemaValidation(nodes: nodes)
            branch.steps = steps
            branch.check(value, against: index, at: path)
            steps = branch.steps
            if branch.violations.isEmpty { matches += 1 } else { failures.append(branch.violations) }
            if matches == enough { break }
        }
        return failures
    }

    private func matchesNone(_ failures: [[JSONSchema.Violation]]) -> String {
        let closest = failures.min { $0.count < $1.count }?.first
        let reason = closest.map { " (of one of them: \($0.description))" } ?? ""
        return "matches none of \(failures.count) alternatives\(reason)"
    }
}

extension SchemaNode.Kind {
    func includes(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.null, .null), (.boolean, .bool), (.integer, .integer), (.number, .integer), (.number, .number),
            (.string, .string), (.array, .array), (.object, .object):
            true
        case (.integer, .number(let number)):
            number.rounded() == number
        case (.null, _), (.boolean, _), (.integer, _), (.number, _), (.string, _), (.array, _), (.object, _):
            false
        }
    }

    var withArticle: String {
        switch self {
        case .null: "null"
        case .boolean, .number, .string: "a \(rawValue)"
        case .integer, .array, .object: "an \(rawValue)"
        }
    }
}

extension JSONValue {
    /// Compares two numbers exactly; false if either is none.
    func isNumericallyLess(than other: JSONValue) -> Bool {
        switch (self, other) {
        case (.integer(let left), .integer(let right)): left < right
        case (.number(let left), .number(let right)): left < right
        case (.integer(let left), .number(let right)): Self.compare(left, right) < 0
        case (.number(let left), .integer(let right)): Self.compare(right, left) > 0
        default: false
        }
    }

    /// The sign of `integer - number`, without rounding the integer to a double.
    private static func compare(_ integer: Int64, _ number: Double) -> Int {
        if number >= 0x1p63 { return -1 }
        if number < -0x1p63 { return 1 }
        let floor = number.rounded(.down)
        let whole = Int64(floor)
        if integer != whole { return integer < whole ? -1 : 1 }
        return number > floor ? -1 : 0
    }

    /// The text of the value, cut short for messages.
    var abbreviated: String {
        let text = description
        return text.count <= 80 ? text : "\(text.prefix(79))…"
    }
}
