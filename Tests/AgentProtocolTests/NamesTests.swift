import AgentProtocol
import JSONTestSupport
import JSONTools
import Testing

@Suite struct NamesTests {
    @Test func `names on Redis are those of the contract`() {
        let names = ChannelNames()
        #expect(
            names.taskStreams("e2e") == [
                "agent:e2e:tasks:critical", "agent:e2e:tasks:high", "agent:e2e:tasks", "agent:e2e:tasks:low",
            ])
        #expect(names.taskChannel("e2e") == names.tasks("e2e", .medium))
        #expect(names.results == "orchestrator:results")
        #expect(names.signals == "agent:signals")
        #expect(names.logs == "agent:logs")
        #expect(names.control("e2e") == "agent:e2e:control")
        #expect(names.events == "workflow:events")
        #expect(names.dead == "orchestrator:dead")
        #expect(names.inlet(sha256: "ab") == "inlet:ab")
        #expect(ChannelNames.agentsGroup == "agents")
        #expect(ChannelNames.orchestratorsGroup == "orchestrators")
    }

    @Test func `a namespace stands before every name`() {
        let names = ChannelNames(namespace: "x")
        let all =
            names.taskStreams("e2e") + [
                names.taskChannel("e2e"), names.results, names.signals, names.logs, names.control("e2e"), names.events,
                names.dead, names.inlet(sha256: "ab"),
            ]
        #expect(all.allSatisfy { $0.hasPrefix("x:") && !$0.hasPrefix("x:x:") })
    }

    @Test func `lanes order by urgency`() {
        #expect(TaskLane.allCases.sorted(by: >) == [.critical, .high, .medium, .low])
    }

    @Test func `dispatch ids are 16 lower-case digits`() {
        #expect(DispatchID(rawValue: 0x1f).description == "000000000000001f")
        #expect(DispatchID("000000000000001f") == DispatchID(rawValue: 0x1f))
        #expect(DispatchID(rawValue: .max).description == "ffffffffffffffff")
        for text in ["", "1f", "000000000000001F", "0000000000000001f", "+00000000000001f", "00000000000000 1"] {
            #expect(DispatchID(text) == nil, "\(text)")
        }
        var generator = SeededGenerator(seed: 31)
        let ids = Set((0..<1000).map { _ in DispatchID.random(using: &generator) })
        #expect(ids.count == 1000)
    }

    @Test func `a reference reads as the tail of the attempt's branch`() {
        #expect(Samples.reference.description == "\(Samples.task)/2/0123456789abcdef")
        #expect(Samples.fullEnvelope.reference == Samples.reference)
        #expect(Samples.fullResult.reference == Samples.reference)
    }

    @Test func `a control message concerns the agent that it names, or all`() throws {
        let mine = ControlMessage.drain(DrainMessage(agentID: "a-1", sentAt: Samples.moment))
        let all = ControlMessage.drain(DrainMessage(agentID: nil, sentAt: Samples.moment))
        #expect(mine.concerns("a-1") && !mine.concerns("a-2"))
        #expect(all.concerns("a-1") && all.concerns("a-2"))
    }

    @Test func `a rejected signal carries any bytes, at most 8 KiB of them`() throws {
        var generator = SeededGenerator(seed: 32)
        for length in Array(0..<70) + [9000] {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let signal = RejectedSignal(
                agentID: "a-1", sentAt: Samples.moment, stream: "s", entryID: "1-1", reason: "", bytes: bytes)
            let decoded = try AgentSignal(decoding: AgentSignal.rejected(signal).encoded())
            guard case .rejected(let back) = decoded else {
                Issue.record("\(decoded)")
                continue
            }
            #expect(back.bytes == Array(bytes.prefix(8192)))
        }
    }
}
