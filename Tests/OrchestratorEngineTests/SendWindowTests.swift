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
    private func sent(of count: Int, closing closed: Int = 0, in window: inout SendWindow) -> Int {
        var use = ["scaffold": SendWindow.Use(new: count, closed: closed)]
        _ = window.decide(&use, mayRelease: false)
        window.count(use)
        return use["scaffold"]?.sent ?? 0
    }

    @Test(
        "a window is four tasks a slot of the living agents, at least 64",
        arguments: [(0, 64), (1, 64), (16, 64), (17, 68), (100, 400)])
    func size(slots: Int, window: Int) {
        #expect(SendWindow.size(slots: slots) == window)
    }

    /// Sends and closes 30 tasks every 25 ms, for so many milliseconds.
    private func work(_ window: inout SendWindow, milliseconds: Int64) {
        for _ in 0..<milliseconds / 25 {
            #expect(sent(of: 30, in: &window) == 30)
            window.monotonic += 25
            window.count(["scaffold": SendWindow.Use(closed: 30)])
        }
    }

    @Test("agents have on the road what they do in half a second, for as long as they keep it up")
    func pace() {
        var window = SendWindow()
        window.monotonic = 10_000
        work(&window, milliseconds: 1500)
        var later = window
        #expect(sent(of: 1000, in: &later) == 600, "30 every 25 ms")
        later = window
        later.monotonic += SendWindow.paceSpan - 1
        #expect(sent(of: 1000, in: &later) == 600, "what was so half a second ago still counts")
        later = window
        later.monotonic += 20 * SendWindow.paceSpan
        #expect(sent(of: 1000, in: &later) == SendWindow.smallest, "a pace of long ago tells nothing")
    }

    @Test("a pace is measured from where there was something to do, and grows a window fourfold at most")
    func burst() {
        var window = SendWindow()
        window.monotonic = 60_000
        #expect(sent(of: 64, in: &window) == 64)
        window.monotonic += 80
        window.count(["scaffold": SendWindow.Use(closed: 64)])
        #expect(sent(of: 1000, in: &window) == 256, "64 in 80 ms would be 400 in half a second")
        window.monotonic += 80
        #expect(sent(of: 2000, closing: 256, in: &window) == 0, "others wait already")
        #expect(window.releases(all: false).map(\.count) == [SendWindow.releaseLimit])
    }

    @Test("slow tasks make no pace")
    func slow() {
        var window = SendWindow()
        #expect(sent(of: 64, in: &window) == 64)
        for _ in 0..<10 {
            window.monotonic += 1000
            #expect(sent(of: 20, closing: 20, in: &window) == 20)
        }
        #expect(sent(of: 1, in: &window) == 0, "64 are on the road, 10 are done in half a second")
    }

    @Test("no pace makes a window larger than it may be")
    func largest() {
        var window = SendWindow()
        window.count(["scaffold": SendWindow.Use(closed: 10_000)])
        #expect(sent(of: 10_000, in: &window) == SendWindow.largestByPace)
    }

    @Test("what is beyond the window is queued; what comes later doesn't overtake it")
    func queueing() {
        var window = SendWindow()
        #expect(sent(of: 100, in: &window) == 64)
        window.count(["scaffold": SendWindow.Use(closed: 10)])
        #expect(sent(of: 5, in: &window) == 0, "36 wait already")
        #expect(window.releases(all: false).map(\.count) == [10])
    }

    @Test("what another lane sends, closes and lets go counts here too")
    func neighbours() {
        var (here, there) = (SendWindow(), SendWindow())
        var news = SendNews()
        var use = ["scaffold": SendWindow.Use(new: 100)]
        _ = there.decide(&use, mayRelease: false)
        there.count(use)
        news.note(use)
        here.hear(news)
        #expect(sent(of: 5, in: &here) == 0, "64 are on the road and 36 wait")

        news = SendNews()
        news.note(["scaffold": SendWindow.Use(closed: 30)])
        news.note(["scaffold": SendWindow.Use(closed: 10)])
        news.note(released: 25, of: "scaffold")
        here.hear(news)
        #expect(here.releases(all: false).map(\.agentType) == ["scaffold"], "16 wait still")
        here.released("scaffold", got: 16)
        #expect(here.releases(all: true).isEmpty)
        #expect(sent(of: 200, in: &here) == 95, "40 were closed at once, which makes room for 160; 65 are on the road")
    }

    @Test("a batch sends into the places that it frees itself")
    func exchange() {
        var window = SendWindow()
        #expect(sent(of: 64, in: &window) == 64)
        #expect(sent(of: 8, closing: 10, in: &window) == 8)
        #expect(sent(of: 8, closing: 5, in: &window) == 7)
    }

    @Test("what waits goes before what is new, in the same batch where there is room for both")
    func order() {
        var window = SendWindow()
        #expect(sent(of: 70, in: &window) == 64)
        var use = ["scaffold": SendWindow.Use(new: 10, closed: 16)]
        var batch = window
        #expect(batch.decide(&use, mayRelease: true).map(\.count) == [6], "the 6 that wait, and 10 new")
        #expect(use["scaffold"]?.sent == 10)
        batch.count(use)
        batch.released("scaffold", got: 6)
        #expect(sent(of: 1, in: &batch) == 0, "all 64 places are taken")

        use = ["scaffold": SendWindow.Use(new: 11, closed: 16)]
        batch = window
        #expect(batch.decide(&use, mayRelease: true).map(\.count) == [6], "what waits goes first")
        #expect(use["scaffold"]?.sent == 10, "then what there is room for")

        use = ["scaffold": SendWindow.Use(new: 11, closed: 5)]
        batch = window
        #expect(batch.decide(&use, mayRelease: true).isEmpty, "five places are too few for a query")
        #expect(use["scaffold"]?.sent == 0, "so both wait for more of them")

        use = ["scaffold": SendWindow.Use(new: 10, closed: 16)]
        #expect(window.decide(&use, mayRelease: false).isEmpty)
        #expect(use["scaffold"]?.sent == 0, "who stops lets nothing go, and nothing overtakes what waits")
    }

    @Test("one release of a type is out at a time; the turn goes on by what was let go; an empty answer ends it")
    func releases() {
        var window = SendWindow()
        window.learn(load(sent: 0, queued: 100))
        let first = window.releases(all: true)
        #expect(first.map(\.count) == [64])
        #expect(first.map(\.turn) == [0])
        #expect(window.releases(all: true).isEmpty)
        window.released("scaffold", got: 64)
        #expect(window.releases(all: true).isEmpty, "no room")
        window.learn(load(sent: 44, queued: 36))
        #expect(window.releases(all: true).map(\.turn) == [64])
        window.released("scaffold", got: 7)
        #expect(window.releases(all: true).map(\.count) == [13], "another orchestrator may have held some")
        window.released("scaffold", got: 0)
        #expect(window.releases(all: true).isEmpty, "nothing is left")
        #expect(sent(of: 1, in: &window) == 1)
    }

    @Test("a few free places wait for more of them, or for the sweeper's next look")
    func slack() {
        var window = SendWindow()
        window.learn(load(sent: 60, queued: 10))
        #expect(window.releases(all: false).isEmpty)
        #expect(window.releases(all: true).map(\.count) == [4])
        window.released("scaffold", got: nil)
        #expect(window.releases(all: true).map(\.count) == [4], "a failed release is asked for again")
    }

    @Test("what was queued since the sweeper counted is not forgotten when its count comes")
    func staleCount() {
        var window = SendWindow()
        #expect(sent(of: 70, in: &window) == 64)
        window.learn(load(sent: 10, queued: 0))
        #expect(window.releases(all: true).map(\.count) == [54])
        window.released("scaffold", got: 6)
        #expect(window.releases(all: true).isEmpty)
        window.learn(load(sent: 16, queued: 0))
        #expect(window.releases(all: true).isEmpty)
    }

    /// A door with 100 workflows of one stage, of which 36 wait, and `count` that have ended since.
    private func door(closing count: Int) throws -> (bench: DoorBench, ids: [UniqueID]) {
        var bench = try DoorBench(stages: 1, window: SendWindow())
        var ids: [UniqueID] = []
        for _ in 1...100 { ids.append(try bench.create()) }
        #expect(bench.handedOn.flatMap(\.sends).count == 64)
        #expect(bench.saves.flatMap(\.tasks).filter(\.isQueued).count == 36)
        for id in ids[..<count] {
            bench.tell(.submitted([bench.result(of: try bench.open(id), entry: "1-0")]))
            try bench.settle()
        }
        #expect(bench.saves.allSatisfy { $0.releases.isEmpty })
        return (bench, ids)
    }

    @Test("the door sends what the window admits, records the rest as queued, and lets it go as attempts close")
    func door() throws {
        let (door, ids) = try door(closing: 7)
        var bench = door
        bench.tell(.submitted([bench.result(of: try bench.open(ids[7]), entry: "1-0")]), at: 5)
        try bench.settle()
        #expect(bench.saves.last?.releases.map(\.count) == [8])
        let sends = try #require(bench.handedOn.last?.sends)
        let waiting = Set(bench.saves.flatMap(\.tasks).filter(\.isQueued).map(\.reference))
        #expect(Set(sends.map(\.reference)).count == 8)
        #expect(waiting.isSuperset(of: sends.map(\.reference)))
        #expect(bench.handedOn.last?.begunAt == 5, "what comes late is left to the relay")
        #expect(bench.record.openAttempts.count { $0.status == .queued } == 28)
        #expect(bench.releases.isEmpty, "none needed a transaction of its own")
    }

    @Test("who creates a workflow is told whether its first task is sent or waits in the record")
    func told() throws {
        var bench = try DoorBench(stages: 1, window: SendWindow())
        let tokens = (1...65).map { _ in bench.call(.create(bench.creation())) }
        try bench.settle()
        let queued = tokens.map { token in
            guard case .created(let created)? = bench.replies[token]?.first else { return -1 }
            return created.tasks.count { $0.isQueued }
        }
        #expect(queued == Array(repeating: 0, count: 64) + [1])
    }

    @Test("what a batch was to let go waits on while the batch is repeated, and goes once")
    func repeated() throws {
        let (door, ids) = try door(closing: 7)
        var bench = door
        bench.tell(.submitted([bench.result(of: try bench.open(ids[7]), entry: "1-0")]))
        let save = try bench.untilCommit()
        #expect(save.releases.map(\.count) == [8])
        bench.tell(.failed(.repeatable("deadlock")))
        let again = try bench.untilCommit()
        #expect(again.releases.map(\.turn) == [0])
        try bench.settle()
        #expect(bench.handedOn.last?.sends.count == 8)
        #expect(bench.record.openAttempts.count { $0.status == .queued } == 28)
    }

    @Test("while a batch is about to let tasks go nothing else lets tasks of the type go")
    func alone() throws {
        let (door, ids) = try door(closing: 7)
        var bench = door
        bench.tell(.submitted([bench.result(of: try bench.open(ids[7]), entry: "1-0")]))
        _ = try bench.untilCommit()
        bench.tell(.loads(load(sent: 57, queued: 36)))
        #expect(bench.releases.isEmpty)
        try bench.settle()
        #expect(bench.handedOn.last?.sends.count == 8)
        bench.tell(.loads(load(sent: 60, queued: 28)))
        #expect(bench.releases.map(\.count) == [4])
        #expect(bench.releases.map(\.turn) == [8])
    }

    @Test("what was let go by a commit of unknown outcome is left to the relay; the sweeper's count goes on from there")
    func unknownOutcome() throws {
        let (door, ids) = try door(closing: 7)
        var bench = door
        bench.tell(.submitted([bench.result(of: try bench.open(ids[7]), entry: "1-0")]))
        let save = try bench.untilCommit()
        _ = try bench.record.commit(save, session: 1, at: save.now)
        bench.tell(.failed(.unknownOutcome("the connection was lost")))
        try bench.settle()
        #expect(bench.handedOn.last?.sends.isEmpty == true)
        #expect(bench.releases.isEmpty, "as many as were asked for count as sent")
        #expect(bench.record.openAttempts.count { $0.status == .queued } == 28)
        bench.tell(.loads(load(sent: 50, queued: 28)))
        let release = try #require(bench.releases.last)
        #expect(release.count == 14)
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

    @Test("an orchestrator that stops lets nothing go")
    func stopping() throws {
        let (door, ids) = try door(closing: 7)
        var bench = door
        bench.tell(.submitted([bench.result(of: try bench.open(ids[7]), entry: "1-0")]))
        bench.tell(.stop)
        try bench.settle()
        #expect(bench.saves.allSatisfy { $0.releases.isEmpty })
        #expect(bench.hasEnded)
    }
}
