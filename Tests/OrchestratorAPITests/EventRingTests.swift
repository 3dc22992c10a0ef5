import JSONTools
import NIOCore
import Testing
import WorkflowStorage

@testable import OrchestratorAPI

@Suite("The ring of events")
struct EventRingTests {
    private func entry(_ number: Int, bytes: Int = 10) -> EventRing.Entry {
        EventRing.Entry(
            workflowID: UniqueID(high: 1, low: UInt64(number)), kind: "thing",
            at: Timestamp(microseconds: Int64(number)),
            bytes: ByteBuffer(repeating: UInt8(number % 256), count: bytes))
    }

    @Test("A reader gets what comes after its place, in order, in pieces of the size that it wants")
    func reads() {
        var ring = EventRing(maxEntries: 8, maxBytes: 1000)
        for number in 0..<5 { ring.append(entry(number)) }
        let first = ring.read(from: 0, limit: 3, maxBytes: 1000)
        #expect(first.entries.map(\.at.microseconds) == [0, 1, 2])
        #expect(first.next == 3 && first.missed == 0)
        let rest = ring.read(from: first.next, limit: 3, maxBytes: 1000)
        #expect(rest.entries.map(\.at.microseconds) == [3, 4])
        #expect(ring.read(from: rest.next, limit: 3, maxBytes: 1000).entries.isEmpty)
        #expect(ring.read(from: 0, limit: 8, maxBytes: 25).entries.count == 2)
        #expect(ring.read(from: 0, limit: 8, maxBytes: 1).entries.count == 1, "one, however large")
    }

    @Test("When there is no room the oldest go, and a slow reader learns how many it missed")
    func makesRoom() {
        var ring = EventRing(maxEntries: 4, maxBytes: 1000)
        for number in 0..<11 { ring.append(entry(number)) }
        #expect(ring.count == 4 && ring.first == 7)
        let slice = ring.read(from: 2, limit: 10, maxBytes: 1000)
        #expect(slice.missed == 5)
        #expect(slice.entries.map(\.at.microseconds) == [7, 8, 9, 10])
        #expect(slice.next == ring.next)
    }

    @Test("It holds no more bytes than it may; one event that is larger than that stands alone")
    func boundsBytes() {
        var ring = EventRing(maxEntries: 100, maxBytes: 50)
        for number in 0..<20 { ring.append(entry(number, bytes: 20)) }
        #expect(ring.bytes == 40 && ring.count == 2)
        ring.append(entry(20, bytes: 80))
        #expect(ring.count == 1 && ring.bytes == 80)
        ring.append(entry(21, bytes: 10))
        #expect(ring.count == 1 && ring.bytes == 10)
    }

    @Test("After a break everybody has missed something")
    func skips() {
        var ring = EventRing(maxEntries: 4, maxBytes: 1000)
        ring.append(entry(0))
        let place = ring.next
        ring.skip()
        ring.append(entry(1))
        let slice = ring.read(from: place, limit: 4, maxBytes: 1000)
        #expect(slice.missed == 1)
        #expect(slice.entries.map(\.at.microseconds) == [1])
    }
}

@Suite("Up to where workflows were read")
struct SeenEventsTests {
    private let start = Timestamp(microseconds: 1_000_000_000)

    @Test("A workflow is read on from its last event; one that is new is read from the beginning, less the overlap")
    func places() {
        var seen = SeenEvents(since: start)
        let (known, new) = (UniqueID(high: 1, low: 1), UniqueID(high: 1, low: 2))
        seen.note(known, 7, at: start)
        seen.note(known, 6, at: start)
        #expect(seen.place(of: known).after == 7)
        #expect(seen.place(of: known).since == .distantPast)
        #expect(seen.place(of: new).after == 0)
        #expect(seen.place(of: new).since == start - SeenEvents.overlap)
    }

    @Test("What is forgotten is read from a moment at which it had been read; nothing before it comes again")
    func forgets() {
        var seen = SeenEvents(since: start, capacity: 2)
        for number in 0..<5 {
            seen.note(UniqueID(high: 2, low: UInt64(number)), 3, at: start + .seconds(60 * number))
        }
        // 0 and 1 are forgotten; they were read before the third came, two minutes after the start.
        let forgotten = seen.place(of: UniqueID(high: 2, low: 0))
        #expect(forgotten.after == 0)
        #expect(forgotten.since == start + .seconds(120) - SeenEvents.overlap)
        for number in 2..<5 {
            #expect(seen.last(of: UniqueID(high: 2, low: UInt64(number))) == 3, "\(number)")
        }
    }
}
