import AgentProtocol
import JSONTools
import TaskTransport
import Testing
import WorkflowCore
import WorkflowStorage

@testable import OrchestratorEngine

/// An orchestrator that stood still holds old news in its hands, and must not take them for the present.
@Suite("An orchestrator that stood still")
struct StoodStillTests {
    @Test("proves nothing by silence, even before it looks around again")
    func hearing() {
        var hearing = Hearing()
        for second: Int64 in stride(from: 0, through: 20, by: 4) {
            hearing.note(isRecordUp: true, isRoadUp: true, signalLagMilliseconds: 0, at: second * 1000)
        }
        #expect(hearing.hasListened(for: 15_000, at: 20_500))
        #expect(!hearing.hasListened(for: 15_000, at: 50_000))
        hearing.note(isRecordUp: true, isRoadUp: true, signalLagMilliseconds: 0, at: 50_001)
        #expect(!hearing.hasListened(for: 15_000, at: 51_000))
    }

    @Test("takes no attempt away for not being in a list that it has held for long", arguments: [0, 40_000])
    func oldList(stoodStill: Int64) throws {
        var core = SignalCore(heartbeatMilliseconds: 5000)
        let time = Timestamp(microseconds: 1_700_000_000_000_000)
        let beat = HeartbeatSignal(agentID: "scaffold-1", sentAt: time, running: [], held: [], freeSlots: 1)
        let message = InboundMessage(entryID: "1-0", bytes: AgentSignal.heartbeat(beat).encoded())
        _ = core.step(.received([message], isStale: false, judgesOmissions: true, now: time), at: 1000)
        // Begun after the list was made, and known by the time when the record answers.
        let row = OpenAttemptRow(
            workflowID: UniqueID(high: 1, low: 1),
            reference: AttemptReference(taskID: UniqueID(high: 2, low: 1), attempt: 1, dispatchID: 7), stage: "s",
            agentType: "scaffold", priority: .medium, agentID: "scaffold-1", isStopping: false,
            ageMilliseconds: 30_000, boundMilliseconds: 30_000)
        let answer = BeatAnswer(types: ["scaffold-1": "scaffold"], bound: [row])
        let effects = core.step(.beaten(answer), at: 1000 + stoodStill)
        let isTakenAway = effects.contains { effect in
            if case .enqueue = effect { true } else { false }
        }
        #expect(isTakenAway == (stoodStill == 0))
    }
}
