/// One run of a value through the subschemas of a ``JSONSchema``.
struct SchemaValidation {
    /// Looking at so many members, elements or pieces of text takes one step.
    static let workPerStep = 16
    /// Looking for the word that was meant takes long: it is done so many times.
    private static let maxHints = 20
    /// At most so many names are listed in a message.
    private static let maxNames = 30

    let nodes: [SchemaNode]
    let acceptsSecrets: Bool
    private(set) var violations: [JSONSchema.Violation] = []
    /// How many violations there are, whether or not they are put in words.
    private var found = 0
    /// After so many violations nothing else is looked at.
    private var limit = JSONSchema.maxViolations
    /// Whether violations are counted only: of the alternatives that don't match, none but the closest has anything to say.
    private var isSilent = false
    private(set) var steps: Int
    private var hints = 0
    private var gaveUp = false

    /// - Parameters:
    ///   - nodes: the subschemas.
    ///   - acceptsSecrets: whether the name of a secret may stand where a text may.
    ///   - steps: how many have been taken before.
    init(nodes: [SchemaNode], acceptsSecrets: Bool = false, steps: Int = 0) {
        self.nodes = nodes
        self.acceptsSecrets = acceptsSecrets
        self.steps = steps
    }

    private var isFull: Bool { found >= limit }

    /// Said once in each branch, so that a branch that was not looked at never counts as matching.
    private mutating func giveUp(_ path: [String]) {
        if !gaveUp {
            report(path, "the schema takes more than \(JSONSchema.maxSteps) steps to check this value; simplify it")
        }
        gaveUp = true
    }

    private mutating func report(_ path: @autoclosure () -> [String], _ message: @autoclosure () -> String) {
        guard !isFull else { return }
        found += 1
        guard !isSilent else { return }
        violations.append(JSONSchema.Violation(pointer: JSONPointer(tokens: path()), message: message()))
    }

    /// Counts what looking at a part of the value takes; false if that is too much.
    private mutating func spend(_ work: Int, _ path: [String]) -> Bool {
        steps += work / Self.workPerStep
        guard steps <= JSONSchema.maxSteps else {
            giveUp(path)
            return false
        }
        return true
    }

    mutating func check(_ value: JSONValue, against index: Int, at path: [String]) {
        guard !isFull, spend(Self.workPerStep, path) else { return }
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
        if let choices = node.enumeration {
            guard spend(value.weight, path) else { return }
            if node.choices?.contains(value) != true {
                let hint = isSilent ? "" : hint(value.stringValue, in: choices.prefix(200).compactMap(\.stringValue))
                let known = { choices.prefix(20).map(\.abbreviated).joined(separator: ", ") }
                report(path, "found \(value.abbreviated), expected one of \(known())\(hint.isEmpty ? "" : "; \(hint)")")
            }
        }
        if let constant = node.constant, spend(constant.weight, path), constant != value {
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
            guard spend(text.utf8.count / 16, path) else { return }
            let length = text.unicodeScalars.count
            if let least = node.minLength, length < least {
                report(path, "found \(length) characters, expected at least \(least)")
            }
            if let most = node.maxLength, length > most {
                report(path, "found \(length) characters, expected at most \(most)")
            }
        }
        guard let pattern = node.pattern else { return }
        steps += (text.utf8.count + 1) * pattern.program.count / JSONSchema.patternWorkPerStep
        guard spend(0, path) else { return }
        if !pattern.isFound(in: text) {
            report(
                path,
                "found \(JSONValue.string(text).abbreviated), expected a match of \(pattern.source.cut(toBytes: 600))")
        }
    }

    private mutating func checkArray(_ elements: [JSONValue], _ node: SchemaNode, _ path: [String]) {
        if let least = node.minItems, elements.count < least {
            report(path, "found \(elements.count) elements, expected at least \(least)")
        }
        if let most = node.maxItems, elements.count > most {
            report(path, "found \(elements.count) elements, expected at most \(most)")
        }
        if node.uniqueItems, spend(elements.reduce(0) { $0 + $1.weight }, path) {
            var seen: Set<JSONValue> = []
            for (index, element) in elements.enumerated() where !isFull && !seen.insert(element).inserted {
                report(path + [String(index)], "found \(element.abbreviated) a second time, expected it once")
            }
        }
        guard let items = node.items else { return }
        for (index, element) in elements.enumerated() {
            guard !isFull else { return }
            check(element, against: items, at: path + [String(index)])
        }
    }

    private mutating func checkObject(_ object: JSONObject, _ node: SchemaNode, _ path: [String]) {
        guard spend(object.lookUpWork + node.required.lookUpWork, path) else { return }
        for name in node.required where object[name] == nil {
            report(path + [name], "the required member \"\(name)\" is missing")
        }
        for (key, value) in object {
            // What isn't reported needs no hint either.
            guard !isFull else { return }
            if let property = node.propertyIndex[key] {
                check(value, against: property, at: path + [key])
                continue
            }
            switch node.additional {
            case .anything: break
            case .schema(let index): check(value, against: index, at: path + [key])
            case .nothing:
                let meant = isSilent ? "" : hint(key, in: node.properties.prefix(200).map(\.name))
                report(
                    path + [key],
                    "the member \"\(key)\" is not known; \(meant.isEmpty ? Self.known(node) : meant)")
            }
        }
    }

    private static func known(_ node: SchemaNode) -> String {
        let names = node.properties.prefix(maxNames).map { $0.name.cut(toBytes: 100) }
        if names.isEmpty { return "no members are allowed" }
        let others = node.properties.count - names.count
        return "known are \(names.joined(separator: ", "))\(others == 0 ? "" : " and \(others) others")"
    }

    private mutating func hint(_ word: String?, in candidates: [String]) -> String {
        guard let word, hints < Self.maxHints, !isFull else { return "" }
        hints += 1
        return closestMatch(word, in: candidates).map { "did you mean \"\($0)\"?" } ?? ""
    }

    private mutating func checkAlternatives(_ value: JSONValue, _ node: SchemaNode, _ path: [String]) {
        if let reference = node.reference { check(value, against: reference, at: path) }
        for index in node.allOf { check(value, against: index, at: path) }
        if !node.anyOf.isEmpty {
            let judged = judge(value, node.anyOf, path, until: 1)
            if judged.matches == 0 { reportNoMatch(of: node.anyOf.count, judged.closest, value, path) }
        }
        if !node.oneOf.isEmpty {
            let judged = judge(value, node.oneOf, path, until: 2)
            if judged.matches == 0 { reportNoMatch(of: node.oneOf.count, judged.closest, value, path) }
            if judged.matches > 1 {
                report(path, "matches more than one of \(node.oneOf.count) alternatives, expected just one")
            }
        }
    }

    /// How many alternatives match, until enough have, and which of the others has the fewest violations.
    private mutating func judge(
        _ value: JSONValue, _ alternatives: [Int], _ path: [String], until enough: Int
    ) -> (matches: Int, closest: Int?) {
        var matches = 0
        var closest: (index: Int, violations: Int)?
        for index in alternatives {
            var branch = SchemaValidation(nodes: nodes, acceptsSecrets: acceptsSecrets, steps: steps)
            branch.isSilent = true
            branch.check(value, against: index, at: path)
            steps = branch.steps
            if branch.found == 0 { matches += 1 }
            if branch.found > 0, branch.found < closest?.violations ?? .max { closest = (index, branch.found) }
            if matches == enough { break }
        }
        return (matches, closest?.index)
    }

    /// Says what is wrong by the closest alternative, which is looked at once more for it.
    private mutating func reportNoMatch(of count: Int, _ closest: Int?, _ value: JSONValue, _ path: [String]) {
        var reason = ""
        if !isSilent, !isFull, let closest {
            var branch = SchemaValidation(nodes: nodes, acceptsSecrets: acceptsSecrets, steps: steps)
            branch.limit = 1
            branch.hints = hints
            branch.check(value, against: closest, at: path)
            (steps, hints) = (branch.steps, branch.hints)
            reason = branch.violations.first.map { " (of one of them: \($0.abbreviated))" } ?? ""
        }
        report(path, "matches none of \(count) alternatives\(reason)")
    }
}

extension JSONSchema.Violation {
    /// Without its place if that is long.
    fileprivate var abbreviated: String {
        pointer.tokens.reduce(0) { $0 + $1.utf8.count } > 500 ? message : description
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
}
