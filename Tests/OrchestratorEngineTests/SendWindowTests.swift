import JSONTools
import Testing
import WorkflowCore
import WorkflowStorage

@testable import OrchestratorEngine

@Suite("The send window")
struct SendWindowTests {
    private func load(sent: Int, queued: Int, slots: Int = 1) -> [AgentTypeLoad] {
        [AgentTypeLoad(agentType: "scaffold", sent: sent, queued: queued, slots: slots)]
    }

    /// How many of `count` new tasks of a batch are sent at once.
    private func sent(of count: Int, in window: inout SendWindow) -> Int {
        var batch = window
        let sent = (0..<count).filter { _ in batch.admits("scaffold") }.count
        window.count(batch.use)
        return sent
    }

    @Test(
        "a window is four tasks a slot of the living agents, at least 64",
        arguments: [(0, 64), (1, 64), (16, 64), (17, 68), (100, 400)])
    func size(slots: Int, window: Int) {
        #expect(SendWindow.size(slots: slots) == window)
    }

    @Test("what is beyond the window is queued; what comes later doesn't overtake it")
    func queueing() {
        var window = SendWindow()
        #expect(sent(of: 100, in: &window) == 64)
        var batch = window
        for _ in 1...10 { batch.close("scaffold") }
        window.count(batch.use)
        #expect(sent(of: 5, in: &window) == 0, "36 wait already")
        #expect(window.releases(all: false, at: 0).map(\.count) == [10])
    }

    @Test("one release of a type is out at a time; the turn goes on by what was let go; an empty answer ends it")
    func releases() {
        var window = SendWindow()
        window.learn(load(sent: 0, queued: 100))
        let first = window.releases(all: true, at: 0)
        #expect(first.map(\.count) == [64])
        #expect(first.map(\.turn) == [0])
        #expect(window.releases(all: true, at: 0).isEmpty)
        window.released("scaffold", got: 64)
        #expect(window.releases(all: true, at: 0).isEmpty, "no room")
        window.learn(load(sent: 44, queued: 36))
        #expect(window.releases(all: true, at: 0).map(\.turn) == [64])
        window.released("scaffold", got: 7)
        #expect(window.releases(all: true, at: 0).map(\.count) == [13], "another orchestrator may have held some")
        window.released("scaffold", got: 0)
        #expect(window.releases(all: true, at: 0).isEmpty, "nothing is left")
        #expect(sent(of: 1, in: &window) == 1)
    }

    @Test("a few free places wait for more of them, or for the sweeper's next look")
    func slack() {
        var window = SendWindow()
        window.learn(load(sent: 60, queued: 10))
        #expect(window.releases(all: false, at: 0).isEmpty)
        #expect(window.releases(all: true, at: 0).map(\.count) == [4])
        window.released("scaffold", got: nil)
        #expect(window.releases(all: true, at: 0).map(\.count) == [4], "a failed release is asked for again")
    }

    @Test("what was queued since the sweeper counted is not forgotten when its count comes")
    func staleCount() {
        var window = SendWindow()
        #expect(sent(of: 70, in: &window) == 64)
        window.learn(load(sent: 10, queued: 0))
        #expect(window.releases(all: true, at: 0).map(\.count) == [54])
        window.released("scaffold", got: 6)
        #expect(window.releases(all: true, at: 0).isEmpty)
        window.learn(load(sent: 16, queued: 0))
        #expect(window.releases(all: true, at: 0).isEmpty)
    }

    @Test("the door sends what the window admits, records the rest as queued, and lets it go as attempts close")
    func door() throws {
        var bench = try DoorBench(stages: 1, window: SendWindow())
        var ids: [UniqueID] = []
        for _ in 1...100 { ids.append(try bench.create()) }
        #expect(bench.handedOn.flatMap(\.sends).count == 64)
        #expect(bench.saves.flatMap(\.tasks).filter(\.isQueued).count == 36)
        for id in ids[..<8] {
            #expect(bench.releases.isEmpty)
            bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]))
            try bench.settle()
        }
        let release = try #require(bench.releases.first)
        #expect(release.count == 8)
        let row = try bench.open(ids[99])
        bench.tell(
            .released(
                release,
                [
                    ResentTask(
                        workflowID: ids[99], reference: row.reference, agentType: "scaffold", priority: .medium,
                        payload: row.payload)
                ]))
        #expect(bench.handedOn.last?.sends.map(\.reference) == [row.reference])
        #expect(bench.handedOn.last?.begunAt == release.askedAt, "what comes late is left to the relay")
    }
}
