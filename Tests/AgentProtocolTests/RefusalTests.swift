import AgentProtocol
import JSONTools
import Testing

@Suite struct RefusalTests {
    private func refusal(_ text: String) -> ProtocolError? {
        #expect(throws: ProtocolError.self) { try TaskResult(decoding: Array(text.utf8)) }
    }

    private func mutated(_ message: [UInt8], _ path: [String], _ value: JSONValue?) throws -> [UInt8] {
        try #require(try JSONValue(parsing: message).replacing(path[...], by: value)).encoded()
    }

    @Test func `what is no JSON is refused with its place`() {
        let error = refusal("{\"message_id\": oops}")
        #expect(error?.code == .invalidJSON)
        #expect(error?.pointer.description == "/message_id")
        #expect(error?.message.hasSuffix("(line 1, column 16)") == true, "\(String(describing: error))")
        #expect(refusal("")?.code == .invalidJSON)
        #expect(refusal("[]")?.code == .wrongType)
        #expect(refusal("{\"a\":1,\"a\":2}")?.code == .invalidJSON)
        #expect(refusal("{\"a\":1e200000}")?.code == .invalidJSON)
    }

    @Test func `what is too deep or too large is refused before it is understood`() {
        let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
        #expect(refusal(deep)?.code == .tooDeep)
        #expect(refusal("\"" + String(repeating: "a", count: ProtocolLimits.messageBytes) + "\"")?.code == .tooLarge)
    }

    @Test func `another major version is refused, whatever else is wrong`() {
        for version in ["1.9.9", "3.0.0", "10.0.0"] {
            let error = refusal("{\"version\":\"\(version)\"}")
            #expect(error?.code == .unsupportedVersion)
            #expect(error?.pointer.description == "/version")
            #expect(error?.message.contains("version \(version)") == true)
        }
        for version in ["2", "2.0", "2.0.0.0", "2.0.x", "two", "v2.0.0", "2..0"] {
            #expect(refusal("{\"version\":\"\(version)\"}")?.code == .invalidValue, "\(version)")
        }
    }

    @Test func `newer minor versions and unknown fields are accepted`() throws {
        var envelope = try mutated(Samples.fullEnvelope.encoded(), ["metadata", "envelope_version"], "2.17.3")
        var object = try #require(JSONValue(parsing: envelope).objectValue)
        object["introduced_in_2_17"] = ["x": [1, nil]]
        envelope = JSONValue.object(object).encoded()
        #expect(try TaskEnvelope(decoding: envelope) == Samples.fullEnvelope)
    }

    @Test func `a message says what was found, what was expected and what to do`() throws {
        let missing = refusal("{\"version\":\"2.0.0\"}")
        #expect(
            missing?.description
                == "MISSING_FIELD at /message_id: the required field \"message_id\" is missing or null; add it")
        let status = try mutated(Samples.minimalResult.encoded(), ["status"], "sucess")
        let wrong = #expect(throws: ProtocolError.self) { try TaskResult(decoding: status) }
        #expect(
            wrong?.description
                == "INVALID_VALUE at /status: found \"sucess\", expected one of success, failure, partial, needs_input, "
                + "cancelled; did you mean \"success\"?")
        let type = try mutated(Samples.fullResult.encoded(), ["artifacts", "0", "size_bytes"], "12")
        let text = #expect(throws: ProtocolError.self) { try TaskResult(decoding: type) }
        #expect(text?.description == "WRONG_TYPE at /artifacts/0/size_bytes: found a string, expected an integer")
    }

    @Test func `an unknown kind is told from everything else`() throws {
        let signal = try mutated(#require(Samples.signals.first).encoded(), ["kind"], "heartbeet")
        let error = #expect(throws: ProtocolError.self) { try AgentSignal(decoding: signal) }
        #expect(error?.code == .unknownKind)
        #expect(error?.message.hasSuffix("did you mean \"heartbeat\"?") == true)
        let control = try mutated(#require(Samples.controls.first).encoded(), ["kind"], "reboot")
        #expect(throws: ProtocolError.self) { try ControlMessage(decoding: control) }
        #expect(throws: ProtocolError.self) { try LogBatch(decoding: signal) }
    }

    @Test func `text is cleaned once, when it is decoded`() throws {
        let text = String(decoding: Samples.minimalResult.encoded(), as: UTF8.self)
            .replacing("\"warnings\":[]", with: "\"warnings\":[\"a\\u0000b\\ud800\"]")
        let result = try TaskResult(decoding: Array(text.utf8))
        #expect(result.warnings == ["a\u{FFFD}b\u{FFFD}"])
    }
}
