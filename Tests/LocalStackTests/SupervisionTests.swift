import Testing

@testable import LocalStack

@Suite("Supervision decides when a process is started, left alone or ended")
struct SupervisionTests {
    private let start = ContinuousClock.now
    private let policy = RestartPolicy(initial: .milliseconds(100), maximum: .seconds(1), forgivenAfter: .seconds(30))

    @Test("pauses double up to the maximum")
    func pauses() {
        let pauses = (1...6).map { policy.pause(afterDeaths: $0) }
        #expect(
            pauses == [
                .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1),
                .seconds(1),
            ])
    }

    @Test("a process that dies again and again waits longer each time, one that lived long starts afresh")
    func deaths() {
        var supervision = Supervision(policy: policy)
        #expect(supervision.apply(.start, at: start) == .spawn)
        #expect(supervision.apply(.died, at: start + .seconds(1)) == .pause(.milliseconds(100)))
        #expect(supervision.apply(.pauseEnded, at: start + .seconds(2)) == .spawn)
        #expect(supervision.apply(.died, at: start + .seconds(3)) == .pause(.milliseconds(200)))
        #expect(supervision.apply(.pauseEnded, at: start + .seconds(4)) == .spawn)
        #expect(supervision.apply(.died, at: start + .seconds(34)) == .pause(.milliseconds(100)))
        #expect(supervision.restarts == 2)
    }

    @Test("a process that was told to end isn't started again")
    func stopping() {
        var supervision = Supervision(policy: policy)
        _ = supervision.apply(.start, at: start)
        #expect(supervision.apply(.stop, at: start) == .terminate)
        #expect(supervision.apply(.stop, at: start) == .nothing)
        #expect(supervision.apply(.died, at: start) == .nothing)
        #expect(supervision.state == .stopped)
        #expect(supervision.apply(.start, at: start) == .spawn)
    }

    @Test("a stop while it rests after a death leaves it stopped")
    func stopWhileResting() {
        var supervision = Supervision(policy: policy)
        _ = supervision.apply(.start, at: start)
        _ = supervision.apply(.died, at: start)
        #expect(supervision.apply(.stop, at: start) == .nothing)
        #expect(supervision.state == .stopped)
        #expect(supervision.apply(.pauseEnded, at: start) == .nothing)
    }

    @Test("a start while it rests begins at once and the end of the pause changes nothing")
    func startWhileResting() {
        var supervision = Supervision(policy: policy)
        _ = supervision.apply(.start, at: start)
        _ = supervision.apply(.died, at: start)
        #expect(supervision.apply(.start, at: start) == .spawn)
        #expect(supervision.apply(.pauseEnded, at: start) == .nothing)
        #expect(supervision.apply(.start, at: start) == .nothing)
    }
}
