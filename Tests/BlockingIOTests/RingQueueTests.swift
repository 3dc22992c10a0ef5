import Testing

@testable import BlockingIO

@Suite struct RingQueueTests {
    @Test func itKeepsItsOrderWhileItGrowsAndWraps() {
        var queue = RingQueue<Int>()
        var next = 0
        var expected = 0
        for round in 0..<200 {
            for _ in 0..<(round % 7 + 3) {
                queue.append(next)
                next += 1
            }
            for number in queue.popFirst(atMost: round % 6) {
                #expect(number == expected)
                expected += 1
            }
        }
        #expect(queue.count == next - expected)
    }

    @Test func removingFromTheMiddleKeepsTheOthersInOrder() {
        var queue = RingQueue<Int>()
        for number in 0..<10 { queue.append(number) }
        #expect(queue.remove { $0 == 4 } == 4)
        #expect(queue.remove { $0 == 40 } == nil)
        #expect(queue.popFirst(atMost: 100) == [0, 1, 2, 3, 5, 6, 7, 8, 9])
    }
}
