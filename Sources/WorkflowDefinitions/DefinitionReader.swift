import JSONTools
import WorkflowCore

/// Reads the fields of a definition and collects what is wrong with them.
struct DefinitionReader {
    var faults = FaultList()
    private let lines: [Substring]

    private static let fields = ["name", "description", "input", "defaults", "total_timeout", "stages"]

    /// - Parameter text: the text of the file, for finding columns within strings; may be empty.
    init(text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// Reads a definition.
    ///
    /// - Returns: nil if something is wrong; `faults` says what.
    mutating func read(_ root: SourceNode) -> WorkflowDefinition? {
        guard let members = fields(of: root, at: .root, what: "a definition", known: Self.fields) else { return nil }
        let name = name(in: members, "name", of: root, at: .root)
        let description = text(in: members, "description", at: .root) ?? ""
        if let member = members["description"], description.utf8.count > DefinitionLimits.descriptionBytes {
            faults.add(
                member.value.position, JSONPointer(tokens: ["description"]),
                "found \(description.utf8.count) bytes; expected at most \(DefinitionLimits.descriptionBytes)")
        }
        let input = inputSchema(in: members)
        let total = duration(in: members, "total_timeout", at: .root, within: DefinitionLimits.totalTimeout)
        let defaults = defaults(in: members)
        let drafts = stages(in: members, of: root, defaults: defaults)
        var rules = DefinitionRules(stages: drafts, input: input)
        rules.check()
        for fault in rules.faults.faults { faults.add(fault.position, fault.pointer, fault.message) }
        guard let name, faults.faults.isEmpty else { return nil }
        return WorkflowDefinition(
            name: name, description: description, input: input, totalTimeout: total,
            stages: rules.ordered().map(\.definition))
    }

    // MARK: Parts

    private mutating func inputSchema(in members: [String: SourceMember]) -> JSONValue? {
        guard let member = members["input"] else { return nil }
        let pointer = JSONPointer(tokens: ["input"])
        guard case .mapping = member.value.content else {
            faults.add(
                member.value.position, pointer,
                "found \(member.value.kindName); expected a JSON Schema, as in {type: object, properties: …}")
            return nil
        }
        let schema = member.value.value
        if let type = schema["type"], type != "object" {
            faults.add(
                member.value.nearest(to: JSONPointer(tokens: ["type"])).position, pointer.appending("type"),
                "found type \(type); expected object, because input_data is an object")
        }
        do {
            _ = try JSONSchema(schema)
        } catch {
            for violation in error.violations {
                faults.add(
                    member.value.nearest(to: violation.pointer).position,
                    JSONPointer(tokens: pointer.tokens + violation.pointer.tokens), violation.message)
            }
        }
        return schema
    }

    private mutating func defaults(in members: [String: SourceMember]) -> StageDefaults {
        var defaults = StageDefaults()
        guard let member = members["defaults"] else { return defaults }
        let pointer = JSONPointer(tokens: ["defaults"])
        guard let fields = fields(of: member.value, at: pointer, what: "defaults", known: ["timeout", "retry"]) else {
            return defaults
        }
        if let timeout = duration(in: fields, "timeout", at: pointer, within: DefinitionLimits.timeout) {
            defaults.timeout = timeout
        }
        defaults.retry = retry(in: fields, at: pointer, default: defaults.retry)
        return defaults
    }

    private mutating func stages(
        in members: [String: SourceMember], of root: SourceNode, defaults: StageDefaults
    ) -> [StageDraft] {
        let pointer = JSONPointer(tokens: ["stages"])
        guard let member = members["stages"] else {
            faults.add(root.position, .root, "found no field 'stages'; expected a list of at least one stage")
            return []
        }
        guard case .sequence(let nodes) = member.value.content, !nodes.isEmpty else {
            let found =
                if case .sequence = member.value.content { "an empty list" } else { member.value.kindName }
            faults.add(member.value.position, pointer, "found \(found); expected a list of at least one stage")
            return []
        }
        guard nodes.count <= DefinitionLimits.stages else {
            faults.add(
                member.value.position, pointer,
                "found \(nodes.count) stages; expected at most \(DefinitionLimits.stages)")
            return []
        }
        var drafts: [StageDraft] = []
        for (index, node) in nodes.enumerated() {
            let previous = drafts.last?.definition.name
            drafts.append(stage(node, at: pointer.appending(index), previous: previous, defaults: defaults))
        }
        return drafts
    }

    // MARK: Places

    /// The place of an error within a string, to the very sign if the string stands in the file as it is.
    func position(of error: ExpressionError, in node: SourceNode) -> SourcePosition {
        guard lines.indices.contains(node.position.line - 1) else { return node.position }
        let line = lines[node.position.line - 1].unicodeScalars.dropFirst(node.position.column - 1)
        for quote in 0...1 where line.dropFirst(quote).starts(with: error.source.unicodeScalars) {
            return SourcePosition(
                line: node.position.line, column: node.position.column + quote + error.column - 1)
        }
        return node.position
    }
}

/// What stages get that don't say otherwise.
struct StageDefaults {
    var timeout = StageDefinition.defaultTimeout
    var retry = RetryPolicy()
}
