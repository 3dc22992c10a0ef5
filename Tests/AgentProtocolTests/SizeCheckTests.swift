import AgentProtocol
import JSONTools
import Testing

@Suite struct SizeCheckTests {
    private func text(_ kibibytes: Int) -> JSONValue {
        .string(String(repeating: "x", count: kibibytes * 1024))
    }

    @Test func `messages within the limits pass`() throws {
        try Samples.fullEnvelope.checkSize()
        try Samples.fullResult.checkSize()
        var envelope = Samples.fullEnvelope
        envelope.payload = ["text": text(30)]
        envelope.workflowContext.input = ["text": text(30)]
        envelope.workflowContext.stageOutputs = ["one": text(120)]
        try envelope.checkSize()
        #expect(try TaskEnvelope(decoding: envelope.encoded()) == envelope)
    }

    @Test func `payload, requirements and input share a limit, and the largest is named`() {
        var envelope = Samples.fullEnvelope
        envelope.payload = ["text": text(20)]
        envelope.workflowContext.input = ["text": text(40)]
        envelope.workflowContext.requirements = String(repeating: "r", count: 10 * 1024)
        let error = #expect(throws: ProtocolError.self) { try envelope.checkSize() }
        #expect(error?.code == .payloadTooLarge)
        #expect(error?.pointer.description == "/workflow_context/input")
        #expect(error?.message.contains("the largest field is workflow_context/input with 40971 bytes") == true)
    }

    @Test func `what a workflow is created with is checked alike`() throws {
        try ProtocolLimits.checkInput(requirements: "a", input: ["text": text(60)])
        let error = #expect(throws: ProtocolError.self) {
            try ProtocolLimits.checkInput(
                requirements: String(repeating: "r", count: 33 * 1024), input: ["text": text(32)])
        }
        #expect(error?.pointer.description == "/workflow_context/requirements")
    }

    @Test func `stage outputs and the whole have limits of their own`() {
        var envelope = Samples.fullEnvelope
        envelope.workflowContext.stageOutputs = ["one": text(129)]
        let outputs = #expect(throws: ProtocolError.self) { try envelope.checkSize() }
        #expect(outputs?.pointer.description == "/workflow_context/stage_outputs")
        envelope.workflowContext.stageOutputs = ["one": text(120)]
        envelope.answers = [Answer(id: "q", value: text(150))]
        let whole = #expect(throws: ProtocolError.self) { try envelope.checkSize() }
        #expect(whole?.pointer.description == "/answers")
        #expect(whole?.message.hasPrefix("the message takes") == true)
    }

    @Test func `requirements beyond the limit are refused when read, too`() {
        var envelope = Samples.fullEnvelope
        envelope.workflowContext.requirements = String(repeating: "r", count: ProtocolLimits.inputBytes + 1)
        let error = #expect(throws: ProtocolError.self) { try TaskEnvelope(decoding: envelope.encoded()) }
        #expect(error?.pointer.description == "/workflow_context/requirements")
    }

    @Test func `a result's output is limited when sent and when read`() {
        var result = Samples.fullResult
        result.output = ["text": text(65)]
        let sent = #expect(throws: ProtocolError.self) { try result.checkSize() }
        #expect(sent?.code == .payloadTooLarge)
        #expect(sent?.pointer.description == "/output")
        let read = #expect(throws: ProtocolError.self) { try TaskResult(decoding: result.encoded()) }
        #expect(read == sent)
    }

    @Test func `a result that is too large as a whole names what makes it so`() throws {
        var result = Samples.fullResult
        result.output = ["text": text(60)]
        result.warnings = (0..<30).map { _ in String(repeating: "w", count: 8 * 1024) }
        let error = #expect(throws: ProtocolError.self) { try result.checkSize() }
        #expect(error?.pointer.description == "/warnings")
        result.warnings = [String(repeating: "w", count: 10 * 1024)]
        try result.checkSize()
        #expect(try TaskResult(decoding: result.encoded()) == result)
    }

    @Test func `text is cut at a character and says so`() {
        #expect(ProtocolLimits.truncated("short", toBytes: 5) == "short")
        #expect(ProtocolLimits.truncated("longer text", toBytes: 9) == "longer…")
        #expect(ProtocolLimits.truncated("ééééé", toBytes: 8) == "éé…")
        #expect(ProtocolLimits.truncated("😀😀", toBytes: 6) == "…")
    }
}
