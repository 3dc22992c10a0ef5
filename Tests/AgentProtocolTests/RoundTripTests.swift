import AgentProtocol
import JSONTools
import Testing

@Suite struct RoundTripTests {
    @Test(arguments: [Samples.fullEnvelope, Samples.minimalEnvelope])
    func `an envelope reads back as it was`(envelope: TaskEnvelope) throws {
        #expect(try TaskEnvelope(decoding: envelope.encoded()) == envelope)
    }

    @Test(arguments: [Samples.fullResult, Samples.minimalResult])
    func `a result reads back as it was`(result: TaskResult) throws {
        #expect(try TaskResult(decoding: result.encoded()) == result)
    }

    @Test(arguments: Samples.signals)
    func `a signal reads back as it was`(signal: AgentSignal) throws {
        #expect(try AgentSignal(decoding: signal.encoded()) == signal)
    }

    @Test(arguments: Samples.controls)
    func `a control message reads back as it was`(message: ControlMessage) throws {
        #expect(try ControlMessage(decoding: message.encoded()) == message)
    }

    @Test(arguments: [Samples.fullLog, Samples.minimalLog])
    func `a log batch reads back as it was`(batch: LogBatch) throws {
        #expect(try LogBatch(decoding: batch.encoded()) == batch)
    }

    @Test func `a body is encoded once and sent under many ids`() throws {
        let body = Samples.fullEnvelope.encodedBody()
        var again = Samples.fullEnvelope
        again.messageID = UniqueID(high: 1, low: 2)
        again.dispatchID = DispatchID(rawValue: 3)
        let bytes = TaskEnvelope.assemble(messageID: again.messageID, dispatchID: again.dispatchID, body: body)
        #expect(try TaskEnvelope(decoding: bytes) == again)
        let text = String(decoding: body, as: UTF8.self)
        #expect(!text.contains("message_id") && !text.contains("dispatch_id") && !text.hasPrefix("{"))
    }
}
