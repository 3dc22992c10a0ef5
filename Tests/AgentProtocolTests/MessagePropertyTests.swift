import AgentProtocol
import JSONTestSupport
import JSONTools
import Testing

/// Rules that hold for all messages, tried on messages drawn from a seed.
@Suite struct MessagePropertyTests {
    @Test func `envelopes and results of any content read back as they were`() throws {
        var generator = SeededGenerator(seed: 41)
        for round in 0..<2000 {
            let envelope = RandomMessage.envelope(using: &generator)
            let result = RandomMessage.result(using: &generator)
            let decodedEnvelope = try TaskEnvelope(decoding: envelope.encoded())
            let decodedResult = try TaskResult(decoding: result.encoded())
            if decodedEnvelope != envelope { Issue.record("round \(round): \(envelope) became \(decodedEnvelope)") }
            if decodedResult != result { Issue.record("round \(round): \(result) became \(decodedResult)") }
        }
    }

    @Test func `a hundred thousand damaged messages are read or refused, and never harm`() throws {
        var generator = SeededGenerator(seed: 42)
        let signals = Samples.signals.map { $0.encoded() }
        let controls = Samples.controls.map { $0.encoded() }
        var refused = 0
        for round in 0..<20_000 {
            let envelope = damaged(Samples.fullEnvelope.encoded(), using: &generator)
            let result = damaged(Samples.fullResult.encoded(), using: &generator)
            let signal = damaged(signals[round % signals.count], using: &generator)
            let control = damaged(controls[round % controls.count], using: &generator)
            let log = damaged(Samples.fullLog.encoded(), using: &generator)
            if (try? TaskEnvelope(decoding: envelope)) == nil { refused += 1 }
            if (try? TaskResult(decoding: result)) == nil { refused += 1 }
            if (try? AgentSignal(decoding: signal)) == nil { refused += 1 }
            if (try? ControlMessage(decoding: control)) == nil { refused += 1 }
            if (try? LogBatch(decoding: log)) == nil { refused += 1 }
        }
        #expect(refused > 20_000 && refused < 100_000)
    }

    @Test func `whatever is accepted is written so that it is accepted again`() throws {
        var generator = SeededGenerator(seed: 43)
        for _ in 0..<5000 {
            let bytes = damaged(Samples.fullResult.encoded(), using: &generator)
            guard let result = try? TaskResult(decoding: bytes) else { continue }
            // Times lose what is below a millisecond, so what is compared is the text.
            let encoded = result.encoded()
            if try TaskResult(decoding: encoded).encoded() != encoded { Issue.record("\(result)") }
        }
    }

    private func damaged(_ message: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = message
        for _ in 0..<Int.random(in: 1..<4, using: &generator) {
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes[position] = .random(in: 0...255, using: &generator)
            case 1: bytes[position] = Array("0123456789abcdefnull\"{}[],:-".utf8).randomElement(using: &generator) ?? 0
            case 2 where bytes.count > 1: bytes.remove(at: position)
            default: bytes.insert(bytes[position], at: position)
            }
        }
        return bytes
    }
}
