/// Fills absent members of a value with their defaults, within bounds of depth and work.
struct SchemaFilling {
    let nodes: [SchemaNode]
    /// Whether a bound was reached, and the value is filled in part only.
    private(set) var gaveUp = false
    private(set) var steps: Int

    /// - Parameters:
    ///   - nodes: the subschemas.
    ///   - steps: how many have been taken before.
    init(nodes: [SchemaNode], steps: Int = 0) {
        self.nodes = nodes
        self.steps = steps
    }

    mutating func fill(_ value: JSONValue, by index: Int, depth: Int = 0) -> JSONValue {
        steps += 1
        guard depth <= 64, steps <= JSONSchema.maxSteps else {
            gaveUp = true
            return value
        }
        let node = nodes[index]
        var value = value
        for other in (node.reference.map { [$0] } ?? []) + node.allOf {
            value = fill(value, by: other, depth: depth + 1)
        }
        switch value {
        case .object(let object): return .object(fill(object, node, depth))
        case .array(let elements):
            guard let items = node.items else { return value }
            var filled: [JSONValue] = []
            for element in elements { filled.append(fill(element, by: items, depth: depth + 1)) }
            return .array(filled)
        case .null, .bool, .integer, .number, .string: return value
        }
    }

    private mutating func fill(_ object: JSONObject, _ node: SchemaNode, _ depth: Int) -> JSONObject {
        let work = node.properties.reduce(object.lookUpWork) { $0 + 1 + $1.name.utf8.count / 8 }
        steps += work / SchemaValidation.workPerStep
        guard steps <= JSONSchema.maxSteps else {
            gaveUp = true
            return object
        }
        var object = object
        for property in node.properties {
            guard let present = object[property.name] ?? nodes[property.node].defaultValue else { continue }
            object[property.name] = fill(present, by: property.node, depth: depth + 1)
        }
        if case .schema(let additional) = node.additional {
            for (key, member) in object where node.propertyIndex[key] == nil {
                object[key] = fill(member, by: additional, depth: depth + 1)
            }
        }
        return object
    }
}

extension JSONSchema {
    /// What is wrong with the defaults, each of which has to satisfy its own schema.
    func defaultFaults(of pointers: [JSONPointer]) -> [Violation] {
        var faults: [Violation] = []
        // All of them together may take as long as one value.
        var steps = 0
        for (index, node) in nodes.enumerated() {
            guard let value = node.defaultValue else { continue }
            let pointer = pointers[index].appending("default")
            var filling = SchemaFilling(nodes: nodes, steps: steps)
            let filled = filling.fill(value, by: index)
            guard !filling.gaveUp else {
                let message = "the default holds itself without end, or the defaults are too large together"
                return faults + [Violation(pointer: pointer, message: message)]
            }
            var validation = SchemaValidation(nodes: nodes, steps: filling.steps)
            validation.check(filled, against: index, at: pointer.tokens)
            steps = validation.steps
            for violation in validation.violations {
                guard faults.count < Self.maxViolations else { return faults }
                let message = "the default does not satisfy its own schema: \(violation.message)"
                faults.append(Violation(pointer: violation.pointer, message: message))
            }
        }
        return faults
    }
}
