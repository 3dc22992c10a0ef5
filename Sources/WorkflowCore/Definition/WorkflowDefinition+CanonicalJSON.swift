public import JSONTools

extension WorkflowDefinition {
    /// The definition as one JSON value with every default written out. It is itself a definition file: reading it gives
    /// an equal definition.
    public func canonicalJSON() -> JSONValue {
        var object: JSONObject = ["name": .string(name)]
        if !description.isEmpty { object["description"] = .string(description) }
        object["input"] = input
        object["total_timeout"] = totalTimeout.map { .string(DurationNotation.format($0)) }
        object["stages"] = .array(stages.map { $0.canonicalJSON() })
        return .object(object)
    }

    /// The lower-case hexadecimal SHA-256 of the canonical JSON's canonical bytes: equal for definitions that mean the
    /// same, however their files are laid out.
    public var contentHash: String {
        SHA256Digest.hex(of: canonicalJSON().canonicalBytes())
    }

    /// Reads what `canonicalJSON` wrote.
    ///
    /// - Parameter value: canonical JSON, from the record. Its form is checked; the rules of the graph were checked when
    ///   it was stored and are not checked again.
    /// - Throws: `CanonicalDefinitionError` with the place and what was expected there.
    public init(canonicalJSON value: JSONValue) throws(CanonicalDefinitionError) {
        let reader = try CanonicalReader(value, at: .root)
        var stages: [StageDefinition] = []
        for (index, stage) in try reader.array("stages").enumerated() {
            let pointer = JSONPointer(tokens: ["stages", String(index)])
            stages.append(try StageDefinition(canonicalJSON: stage, at: pointer))
        }
        self.init(
            name: try reader.string("name"),
            description: try reader.has("description") ? reader.string("description") : "",
            input: value["input"],
            totalTimeout: try reader.has("total_timeout") ? reader.duration("total_timeout") : nil,
            stages: stages)
    }
}

extension StageDefinition {
    fileprivate func canonicalJSON() -> JSONValue {
        var object: JSONObject = [
            "name": .string(name),
            "agent": .string(agent),
            "action": .string(action),
            "workspace": .string(workspace.rawValue),
            "needs": .array(needs.map(JSONValue.string)),
            "with": with.source,
        ]
        object["if"] = condition.map { .string($0.description) }
        object["required"] = .bool(required)
        object["timeout"] = .string(DurationNotation.format(timeout))
        object["retry"] = [
            "max_attempts": .integer(Int64(retry.maxAttempts)),
            "initial": .string(DurationNotation.format(retry.initial)),
            "factor": .number(retry.factor),
            "max": .string(DurationNotation.format(retry.max)),
            "jitter": .string(retry.jitter.rawValue),
        ]
        object["on_failure"] = .string(onFailure.rawValue)
        object["on_partial"] = .string(onPartial.rawValue)
        return .object(object)
    }

    fileprivate init(canonicalJSON value: JSONValue, at pointer: JSONPointer) throws(CanonicalDefinitionError) {
        let reader = try CanonicalReader(value, at: pointer)
        let retry = try CanonicalReader(value["retry"] ?? .null, at: pointer.appending("retry"))
        var needs: [String] = []
        for need in try reader.array("needs") {
            guard let name = need.stringValue else { throw reader.failure("needs", "a list of names") }
            needs.append(name)
        }
        self.init(
            name: try reader.string("name"),
            agent: try reader.string("agent"),
            action: try reader.string("action"),
            workspace: try reader.choice("workspace"),
            needs: needs,
            with: try reader.template("with"),
            condition: try reader.has("if") ? reader.condition("if") : nil,
            required: try reader.bool("required"),
            timeout: try reader.duration("timeout"),
            retry: RetryPolicy(
                maxAttempts: try retry.integer("max_attempts"),
                initial: try retry.duration("initial"),
                factor: try retry.number("factor"),
                max: try retry.duration("max"),
                jitter: try retry.choice("jitter")),
            onFailure: try reader.choice("on_failure"),
            onPartial: try reader.choice("on_partial"))
    }
}
