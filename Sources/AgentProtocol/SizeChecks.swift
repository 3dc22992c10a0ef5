public import JSONTools

extension TaskEnvelope {
    /// Checks that the envelope and its parts are within ``ProtocolLimits``, which a sender does before it sends.
    /// - Throws: ``ProtocolError`` with code `PAYLOAD_TOO_LARGE` that names the largest field.
    public func checkSize() throws(ProtocolError) {
        let total = encoded().count
        // What is smaller as a whole than the smallest limit of a part needs no closer look.
        guard total > min(ProtocolLimits.inputBytes, ProtocolLimits.stageOutputsBytes) else { return }
        let context = workflowContext
        let input = PartSize.input(payload: payload, requirements: context.requirements, input: context.input)
        try PartSize.checkInput(input)
        let outputs = [PartSize("/workflow_context/stage_outputs", .object(context.stageOutputs))]
        try PartSize.check(outputs, limit: ProtocolLimits.stageOutputsBytes, named: "stage_outputs")
        let answers = [PartSize("/answers", .array(answers.map(\.value)))]
        try PartSize.check(input + outputs + answers, total: total)
    }
}

extension ProtocolLimits {
    /// Checks that what a workflow is created with will fit its envelopes, whose payload is not known yet.
    /// - Throws: ``ProtocolError`` with code `PAYLOAD_TOO_LARGE` that names the larger field.
    public static func checkInput(requirements: String?, input: JSONValue) throws(ProtocolError) {
        try PartSize.checkInput(PartSize.input(payload: .object([:]), requirements: requirements, input: input))
    }
}

extension TaskResult {
    /// Checks that the result and its parts are within ``ProtocolLimits``, which a sender does before it sends.
    /// - Throws: ``ProtocolError`` with code `PAYLOAD_TOO_LARGE` that names the largest field.
    public func checkSize() throws(ProtocolError) {
        let total = encoded().count
        guard total > ProtocolLimits.outputBytes else { return }
        try checkOutputSize()
        var errors = JSONWriter()
        errors.field("errors", self.errors)
        var artifacts = JSONWriter()
        artifacts.field("artifacts", self.artifacts)
        var questions = JSONWriter()
        questions.field("questions", self.questions)
        let parts = [
            PartSize("/output", .object(output)), PartSize("/warnings", .array(warnings.map(JSONValue.string))),
            PartSize(pointer: "/errors", bytes: errors.bytes.count),
            PartSize(pointer: "/artifacts", bytes: artifacts.bytes.count),
            PartSize(pointer: "/questions", bytes: questions.bytes.count),
        ]
        try PartSize.check(parts, total: total)
    }

    func checkOutputSize() throws(ProtocolError) {
        let parts = [PartSize("/output", .object(output))]
        try PartSize.check(parts, limit: ProtocolLimits.outputBytes, named: "output")
    }
}

/// How many bytes a part of a message takes.
private struct PartSize {
    var pointer: String
    var bytes: Int

    init(pointer: String, bytes: Int) {
        self.pointer = pointer
        self.bytes = bytes
    }

    init(_ pointer: String, _ value: JSONValue) {
        self.init(pointer: pointer, bytes: value.encoded().count)
    }

    static func input(payload: JSONValue, requirements: String?, input: JSONValue) -> [PartSize] {
        [
            PartSize("/payload", payload),
            PartSize("/workflow_context/requirements", requirements.map(JSONValue.string) ?? .null),
            PartSize("/workflow_context/input", input),
        ]
    }

    static func checkInput(_ parts: [PartSize]) throws(ProtocolError) {
        try check(parts, limit: ProtocolLimits.inputBytes, named: "payload, requirements and input together")
    }

    static func check(_ parts: [PartSize], limit: Int, named name: String) throws(ProtocolError) {
        let total = parts.reduce(0) { $0 + $1.bytes }
        guard total > limit else { return }
        throw tooLarge(parts, "\(name) take \(total) bytes, at most \(limit) are allowed")
    }

    static func check(_ parts: [PartSize], total: Int) throws(ProtocolError) {
        guard total > ProtocolLimits.messageBytes else { return }
        throw tooLarge(parts, "the message takes \(total) bytes, at most \(ProtocolLimits.messageBytes) are allowed")
    }

    private static func tooLarge(_ parts: [PartSize], _ finding: String) -> ProtocolError {
        let largest = parts.max { $0.bytes < $1.bytes }
        let pointer = largest?.pointer ?? ""
        return ProtocolError(
            code: .payloadTooLarge,
            message: "\(finding); the largest field is \(pointer.dropFirst()) with \(largest?.bytes ?? 0) bytes. "
                + "Put what is large into an artifact and pass its hash",
            pointer: JSONPointer(pointer) ?? .root)
    }
}
