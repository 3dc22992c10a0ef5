import AgentProtocol
import Synchronization
import Testing

@testable import AgentRuntime

@Suite("The log of an attempt")
struct LogTests {
    @Test("So many lines a second, then none until the next")
    func throttle() {
        var throttle = LogThrottle(limit: 3)
        let start = ContinuousClock.now
        let full = throttle.room(at: start)
        #expect(full == 3)
        let times = [0, 0, 0, 0, 0, 999, 1000, 1000].map { start + .milliseconds($0) }
        var taken: [Bool] = []
        for time in times { taken.append(throttle.take(at: time)) }
        #expect(taken == [true, true, true, false, false, false, true, true])
        let room = throttle.room(at: start + .milliseconds(1999))
        #expect(room == 1)
    }

    @Test("64 lines go out at once, others when flushed; a gap in the numbers shows what was dropped")
    func batches() {
        let batches = Mutex<[(numbers: [Int], dropped: Int)]>([])
        let log = AttemptLog(linesPerSecond: 100) { lines, dropped in
            batches.withLock { $0.append((lines.map(\.number), dropped)) }
        }
        for number in 1...70 { log.append("\(number)", level: .info, stream: .agent) }
        #expect(batches.withLock { $0.map(\.numbers) } == [Array(1...64)])
        for number in 71...110 { log.append("\(number)", level: .info, stream: .agent) }
        log.drop(5)
        log.flush()
        log.flush()
        #expect(batches.withLock { $0.map(\.numbers) } == [Array(1...64), Array(65...100)])
        #expect(batches.withLock { $0.map(\.dropped) } == [0, 15])
        #expect(log.room() == 0)
    }

    @Test("A line over 4 KiB is cut between characters")
    func longLine() {
        let text = Mutex("")
        let log = AttemptLog { lines, _ in text.withLock { $0 = lines[0].text } }
        log.append(String(repeating: "é", count: 4000), level: .info, stream: .stdout)
        log.flush()
        #expect(text.withLock { $0.utf8.count } <= AttemptLog.maxTextBytes)
        #expect(text.withLock { $0.hasSuffix("é…") })
    }
}
