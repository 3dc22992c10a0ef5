import Glibc
import Synchronization
import Testing

@testable import BlockingIO

/// Whether a descriptor is readable now.
private func isReadable(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) == 1
}

@Suite struct BoundedMailboxTests {
    @Test func itemsComeOutInTheOrderTheyWentIn() throws {
        let mailbox = BoundedMailbox<Int>(capacity: 100, name: "order")
        for number in 0..<50 { try mailbox.send(number) }
        #expect(mailbox.count == 50)
        #expect(mailbox.takeAll(atMost: 20) == Array(0..<20))
        #expect(mailbox.takeAll(atMost: 100) == Array(20..<50))
        #expect(mailbox.takeAll(atMost: 100).isEmpty)
    }

    @Test func aFullMailboxRefusesAtOnceAndTakesAgainWhenThereIsRoom() throws {
        let mailbox = BoundedMailbox<Int>(capacity: 2, name: "full")
        try mailbox.send(1)
        try mailbox.send(2)
        #expect(throws: MailboxError.full) { try mailbox.send(3) }
        #expect(mailbox.takeAll(atMost: 1) == [1])
        try mailbox.send(3)
        #expect(mailbox.takeAll(atMost: 9) == [2, 3])
    }

    @Test func theDescriptorIsReadableExactlyWhileSomethingIsQueued() throws {
        let mailbox = BoundedMailbox<Int>(capacity: 10, name: "descriptor")
        #expect(!isReadable(mailbox.wakeDescriptor))
        try mailbox.send(1)
        try mailbox.send(2)
        #expect(isReadable(mailbox.wakeDescriptor))
        #expect(mailbox.takeAll(atMost: 1) == [1])
        #expect(isReadable(mailbox.wakeDescriptor), "One item is left.")
        #expect(mailbox.takeAll(atMost: 1) == [2])
        #expect(!isReadable(mailbox.wakeDescriptor))
        try mailbox.send(3)
        #expect(isReadable(mailbox.wakeDescriptor))
    }

    @Test func aConsumerThatStaysAwakeIsNotWokenUntilItSaysItSleeps() throws {
        let mailbox = BoundedMailbox<Int>(capacity: 10, name: "awake")
        #expect(mailbox.takeAll(atMost: 10, staysAwake: true).isEmpty)
        try mailbox.send(1)
        #expect(!isReadable(mailbox.wakeDescriptor))
        #expect(mailbox.takeAll(atMost: 10) == [1])
        #expect(!isReadable(mailbox.wakeDescriptor))
        try mailbox.send(2)
        #expect(isReadable(mailbox.wakeDescriptor))
    }

    @Test func aClosedMailboxRefusesButGivesWhatIsQueued() throws {
        let mailbox = BoundedMailbox<Int>(capacity: 10, name: "closed")
        try mailbox.send(7)
        mailbox.close()
        #expect(mailbox.isClosed)
        #expect(throws: MailboxError.closed) { try mailbox.send(8) }
        #expect(isReadable(mailbox.wakeDescriptor))
        guard case .items(let items) = mailbox.waitAndTakeAll(atMost: 10, timeoutMilliseconds: nil) else {
            Issue.record("The queued item was lost.")
            return
        }
        #expect(items == [7])
        guard case .closed = mailbox.waitAndTakeAll(atMost: 10, timeoutMilliseconds: nil) else {
            Issue.record("A closed and empty mailbox must say that it is closed.")
            return
        }
        #expect(mailbox.takeAll(atMost: 10).isEmpty)
        #expect(isReadable(mailbox.wakeDescriptor), "Whoever polls must learn of the close whenever it looks.")
    }

    @Test func waitingEndsWithTheTimeout() {
        let mailbox = BoundedMailbox<Int>(capacity: 1, name: "timeout")
        let start = MonotonicClock.nanoseconds()
        guard case .timedOut = mailbox.waitAndTakeAll(atMost: 1, timeoutMilliseconds: 20) else {
            Issue.record("Nothing was sent, so only a timeout can end the wait.")
            return
        }
        #expect(MonotonicClock.nanoseconds() - start >= 20_000_000)
    }

    @Test func sendersWithoutRoomWaitInOrderAndNothingIsLost() async throws {
        let mailbox = BoundedMailbox<Int>(capacity: 4, name: "room")
        let received = Mutex<[Int]>([])
        let consumer = DedicatedThread(name: "consumer") {
            while case .items(let items) = mailbox.waitAndTakeAll(atMost: 3, timeoutMilliseconds: nil) {
                received.withLock { $0 += items }
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for producer in 0..<8 {
                group.addTask {
                    for number in 0..<500 { try await mailbox.sendWhenRoom(producer * 1_000 + number) }
                }
            }
            try await group.waitForAll()
        }
        mailbox.close()
        consumer.join()
        let all = received.withLock { $0 }
        #expect(all.count == 4_000)
        for producer in 0..<8 {
            let own = all.filter { $0 / 1_000 == producer }
            #expect(own == (0..<500).map { producer * 1_000 + $0 }, "Producer \(producer) must keep its order.")
        }
    }

    @Test func aCancelledSenderLeavesTheQueue() async throws {
        let mailbox = BoundedMailbox<Int>(capacity: 1, name: "cancel")
        try mailbox.send(1)
        let cancelled = _Concurrency.Task { try await mailbox.sendWhenRoom(2) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(mailbox.takeAll(atMost: 9) == [1])
        #expect(mailbox.takeAll(atMost: 9).isEmpty, "The cancelled item must not appear.")
        try await mailbox.sendWhenRoom(3)
        #expect(mailbox.takeAll(atMost: 9) == [3])
    }

    @Test func closingFailsThoseWhoWaitForRoom() async throws {
        let mailbox = BoundedMailbox<Int>(capacity: 1, name: "close while waiting")
        try mailbox.send(1)
        let waiting = _Concurrency.Task { try await mailbox.sendWhenRoom(2) }
        mailbox.close()
        await #expect(throws: MailboxError.closed) { try await waiting.value }
        #expect(mailbox.takeAll(atMost: 9) == [1])
    }

    @Test func aSleepingConsumerIsWokenByEachItem() async throws {
        // A ping-pong: a lost wake would hang it.
        let requests = BoundedMailbox<CheckedContinuation<Int, Never>>(capacity: 8, name: "ping")
        let thread = DedicatedThread(name: "pong") {
            var count = 0
            while true {
                var descriptor = pollfd(fd: requests.wakeDescriptor, events: Int16(POLLIN), revents: 0)
                poll(&descriptor, 1, -1)
                let taken = requests.takeAll(atMost: 8, staysAwake: count % 2 == 0) + requests.takeAll(atMost: 8)
                if taken.isEmpty, requests.isClosed { return }
                for continuation in taken {
                    count += 1
                    continuation.resume(returning: count)
                }
            }
        }
        for expected in 1...5_000 {
            let answer = await withCheckedContinuation { continuation in
                do { try requests.send(continuation) } catch { continuation.resume(returning: -1) }
            }
            #expect(answer == expected)
        }
        requests.close()
        thread.join()
    }
}
