import AgentProtocol
import JSONTools
import Testing

@testable import RedisDriver
@testable import TaskTransport

@Suite struct EnvelopeHeadTests {
    @Test func theDispatchIDIsFoundInAnEnvelopeOfOurs() {
        #expect(RedisStreamEntry.dispatchID(inHeadOf: Sample.envelope(77).encoded()) == DispatchID(rawValue: 77))
    }

    @Test(arguments: [
        "", "{}", #"{"message_id":"x"}"#, #"{"dispatch_id":"0123456789abcdef"}"#,
        #"{"message_id":"019000000000-7000-8000-000000000000xyz","dispatch_id":"zzz3456789abcdef",}"#,
    ])
    func otherTextsHaveNone(text: String) {
        #expect(RedisStreamEntry.dispatchID(inHeadOf: Array(text.utf8)) == nil)
    }
}

@Suite struct LaneRoundsTests {
    @Test func everyEighthRoundBeginsAtTheLowEnd() {
        var rounds = LaneRounds()
        let orders = (0..<16).map { _ in rounds.next() }
        #expect(orders.filter { $0 == [0, 1, 2, 3] }.count == 14)
        #expect(orders[7] == [3, 2, 1, 0] && orders[15] == [3, 2, 1, 0])
    }
}

@Suite struct PendingWalkTests {
    @Test func itEndsAfterTheLastStreamAndThenAsksForUsualPages() {
        var walk = PendingWalk()
        walk.restart(pageSize: 1)
        walk.cursor = StreamEntryID(milliseconds: 5, sequence: 0)
        walk.goToNextStream(of: 2)
        #expect(walk.isDue && walk.stream == 1 && walk.cursor == .zero && walk.pageSize == 1)
        walk.restart()
        #expect(walk.stream == 0 && walk.pageSize == 1, "A walk with small pages goes on with them.")
        walk.goToNextStream(of: 2)
        walk.goToNextStream(of: 2)
        #expect(!walk.isDue && walk.pageSize == 100)
    }
}
