/// Turns a schema's JSON into the nodes of a ``JSONSchema``, gathering everything that is wrong.
struct SchemaCompiler {
    private static let keywords = [
        "$schema", "$id", "$ref", "$defs", "title", "description", "examples", "default", "format", "type", "enum",
        "const",
        "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "uniqueItems", "minimum",
        "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "oneOf", "anyOf",
        "allOf",
    ]
    private static let formats = ["date-time", "uuid", "uri"]
    private static let drafts = [
        "https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#",
    ]

    private let source: JSONValue
    private var nodes: [SchemaNode] = []
    /// Where each node is in the source.
    private(set) var pointers: [JSONPointer] = []
    /// The subschemas of each node by the one or two tokens that lead to them.
    private var children: [[[String]: Int]] = []
    private var references: [(node: Int, target: String, at: [String])] = []
    private var faults: [JSONSchema.Violation] = []

    init(source: JSONValue) {
        self.source = source
    }

    mutating func compile() throws(JSONSchemaError) -> [SchemaNode] {
        _ = subschema(source, at: [], below: nil)
        for reference in references { resolve(reference.node, reference.target, at: reference.at) }
        if faults.isEmpty { refuseLoops() }
        guard faults.isEmpty else { throw JSONSchemaError(violations: faults) }
        return nodes
    }

    private mutating func fault(_ path: [String], _ message: String) {
        guard faults.count < JSONSchema.maxViolations else { return }
        faults.append(JSONSchema.Violation(pointer: JSONPointer(tokens: path), message: message))
    }

    /// - Parameter parent: the node that has it, and how many tokens lead from there to it.
    private mutating func subschema(
        _ value: JSONValue, at path: [String], below parent: (node: Int, tokens: Int)?
    ) -> Int {
        let index = nodes.count
        nodes.append(SchemaNode())
        pointers.append(JSONPointer(tokens: path))
        children.append([:])
        if let parent { children[parent.node][Array(path.suffix(parent.tokens))] = index }
        switch value {
        case .bool(let allows): nodes[index].isFalse = !allows
        case .object(let object):
            for (keyword, value) in object {
                // What isn't reported needn't be looked for.
                guard faults.count < JSONSchema.maxViolations else { break }
                read(keyword, value, into: index, at: path + [keyword])
            }
        case .null, .integer, .number, .string, .array:
            fault(path, "found \(value.kindName), expected a schema: an object, true or false")
        }
        return index
    }

    private mutating func read(_ keyword: String, _ value: JSONValue, into index: Int, at path: [String]) {
        switch keyword {
        case "type": nodes[index].kinds = kinds(value, at: path)
        case "properties": readProperties(value, into: index, at: path)
        case "required": nodes[index].required = names(value, at: path)
        case "additionalProperties": nodes[index].additional = additional(value, of: index, at: path)
        case "items": nodes[index].items = subschema(value, at: path, below: (index, 1))
        case "enum":
            nodes[index].enumeration = nonEmptyArray(value, at: path)
            nodes[index].choices = nodes[index].enumeration.map { Set($0) }
        case "const": nodes[index].constant = value
        case "default": nodes[index].defaultValue = value
        case "minimum": nodes[index].minimum = number(value, at: path)
        case "maximum": nodes[index].maximum = number(value, at: path)
        case "exclusiveMinimum": nodes[index].exclusiveMinimum = number(value, at: path)
        case "exclusiveMaximum": nodes[index].exclusiveMaximum = number(value, at: path)
        case "minLength": nodes[index].minLength = size(value, at: path)
        case "maxLength": nodes[index].maxLength = size(value, at: path)
        case "minItems": nodes[index].minItems = size(value, at: path)
        case "maxItems": nodes[index].maxItems = size(value, at: path)
        case "pattern": nodes[index].pattern = pattern(value, at: path)
        case "uniqueItems": nodes[index].uniqueItems = truth(value, at: path)
        case "oneOf": nodes[index].oneOf = alternatives(value, of: index, at: path)
        case "anyOf": nodes[index].anyOf = alternatives(value, of: index, at: path)
        case "allOf": nodes[index].allOf = alternatives(value, of: index, at: path)
        case "$ref": if let target = text(value, at: path) { references.append((index, target, path)) }
        case "$defs": readDefinitions(value, of: index, at: path)
        case "$schema", "$id", "title", "description", "examples", "format": readAnnotation(keyword, value, at: path)
        default:
            let hint = closestMatch(keyword, in: Self.keywords).map { "did you mean \"\($0)\"?" }
            fault(
                path,
                "the keyword \"\(keyword)\" is not supported; "
                    + (hint ?? "supported are \(Self.keywords.joined(separator: ", "))"))
        }
    }

    private mutating func readAnnotation(_ keyword: String, _ value: JSONValue, at path: [String]) {
        if keyword == "examples" {
            if value.arrayValue == nil { fault(path, "found \(value.kindName), expected an array") }
            return
        }
        guard let text = text(value, at: path) else { return }
        switch keyword {
        case "format" where !Self.formats.contains(text):
            fault(
                path, "the format \"\(text)\" is not supported; supported are \(Self.formats.joined(separator: ", "))")
        case "$schema" where !Self.drafts.contains(text):
            fault(path, "found \"\(text)\", expected \(Self.drafts[0])")
        case "$id" where path.count > 1:
            fault(path, "$id is supported at the root of a schema only")
        default: break
        }
    }
}

// The values of single keywords.
extension SchemaCompiler {
    private mutating func readProperties(_ value: JSONValue, into index: Int, at path: [String]) {
        guard case .object(let object) = value else {
            fault(path, "found \(value.kindName), expected an object")
            return
        }
        for (name, value) in object {
            let node = subschema(value, at: path + [name], below: (index, 2))
            nodes[index].properties.append(SchemaNode.Property(name: name, node: node))
            nodes[index].propertyIndex[name] = node
        }
    }

    private mutating func readDefinitions(_ value: JSONValue, of index: Int, at path: [String]) {
        guard case .object(let object) = value else {
            fault(path, "found \(value.kindName), expected an object")
            return
        }
        for (name, value) in object { _ = subschema(value, at: path + [name], below: (index, 2)) }
    }

    private mutating func kinds(_ value: JSONValue, at path: [String]) -> [SchemaNode.Kind]? {
        let names: [JSONValue]
        switch value {
        case .string: names = [value]
        case .array(let elements) where !elements.isEmpty: names = elements
        case .null, .bool, .integer, .number, .array, .object:
            fault(path, "found \(value.abbreviated), expected the name of a type or a list of them")
            return nil
        }
        var kinds: [SchemaNode.Kind] = []
        for name in names {
            guard let kind = name.stringValue.flatMap(SchemaNode.Kind.init) else {
                let known = SchemaNode.Kind.allCases.map(\.rawValue)
                let hint = closestMatch(name.stringValue ?? "", in: known).map { "; did you mean \"\($0)\"?" } ?? ""
                fault(path, "found \(name.abbreviated), expected one of \(known.joined(separator: ", "))\(hint)")
                return nil
            }
            kinds.append(kind)
        }
        return kinds
    }

    private mutating func additional(_ value: JSONValue, of index: Int, at path: [String]) -> SchemaNode.Additional {
        switch value {
        case .bool(true): .anything
        case .bool(false): .nothing
        case .null, .integer, .number, .string, .array, .object: .schema(subschema(value, at: path, below: (index, 1)))
        }
    }

    private mutating func alternatives(_ value: JSONValue, of index: Int, at path: [String]) -> [Int] {
        guard let schemas = nonEmptyArray(value, at: path) else { return [] }
        var indices: [Int] = []
        for (position, schema) in schemas.enumerated() {
            indices.append(subschema(schema, at: path + [String(position)], below: (index, 2)))
        }
        return indices
    }

    private mutating func nonEmptyArray(_ value: JSONValue, at path: [String]) -> [JSONValue]? {
        guard let elements = value.arrayValue, !elements.isEmpty else {
            fault(path, "found \(value.abbreviated), expected an array with at least one element")
            return nil
        }
        return elements
    }

    private mutating func names(_ value: JSONValue, at path: [String]) -> [String] {
        guard let elements = value.arrayValue else {
            fault(path, "found \(value.kindName), expected an array of strings")
            return []
        }
        let names = elements.compactMap(\.stringValue)
        if names.count != elements.count || Set(names).count != names.count {
            fault(path, "found \(value.abbreviated), expected an array of strings without repetition")
        }
        return names
    }

    private mutating func number(_ value: JSONValue, at path: [String]) -> JSONValue? {
        guard value.doubleValue != nil else {
            fault(path, "found \(value.kindName), expected a number")
            return nil
        }
        return value
    }

    private mutating func size(_ value: JSONValue, at path: [String]) -> Int? {
        guard let size = value.intValue, size >= 0 else {
            fault(path, "found \(value.abbreviated), expected an integer from 0")
            return nil
        }
        return size
    }

    private mutating func truth(_ value: JSONValue, at path: [String]) -> Bool {
        guard let truth = value.boolValue else {
            fault(path, "found \(value.kindName), expected true or false")
            return false
        }
        return truth
    }

    private mutating func text(_ value: JSONValue, at path: [String]) -> String? {
        guard let text = value.stringValue else {
            fault(path, "found \(value.kindName), expected a string")
            return nil
        }
        return text
    }

    private mutating func pattern(_ value: JSONValue, at path: [String]) -> LinearPattern? {
        guard let source = text(value, at: path) else { return nil }
        do {
            return try LinearPattern(source)
        } catch {
            fault(path, error.message)
            return nil
        }
    }
}

// References.
extension SchemaCompiler {
    private mutating func resolve(_ node: Int, _ target: String, at path: [String]) {
        guard target.hasPrefix("#"), let pointer = JSONPointer(String(target.dropFirst())) else {
            fault(path, "found \"\(target)\", expected a reference within this schema, such as #/$defs/name")
            return
        }
        guard let index = index(of: pointer) else {
            fault(path, "there is no schema at \(target)")
            return
        }
        nodes[node].reference = index
    }

    private func index(of pointer: JSONPointer) -> Int? {
        var index = 0
        var rest = pointer.tokens[...]
        while !rest.isEmpty {
            // No subschema is at the end of both one token and two.
            let step = [1, 2].lazy.compactMap { [children] in children[index][Array(rest.prefix($0))] }.first
            guard let step else { return nil }
            rest = rest.dropFirst(pointers[step].tokens.count - pointers[index].tokens.count)
            index = step
        }
        return index
    }

    /// Refuses subschemas that lead back to themselves without going down into the value, which would never end.
    private mutating func refuseLoops() {
        enum State { case new, open, done }
        var states = Array(repeating: State.new, count: nodes.count)
        for root in nodes.indices where states[root] == .new {
            var stack = [(node: root, next: 0)]
            states[root] = .open
            while let (node, next) = stack.last {
                let edges = nodes[node].inPlace
                guard next < edges.count else {
                    states[node] = .done
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                switch states[edges[next]] {
                case .done: break
                case .open: fault(pointers[node].tokens, "the schema refers to itself without end")
                case .new:
                    states[edges[next]] = .open
                    stack.append((edges[next], 0))
                }
            }
        }
    }
}
