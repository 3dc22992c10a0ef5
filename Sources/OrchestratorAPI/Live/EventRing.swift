import JSONTools
import NIOCore

/// The newest events of a tenant's workflows, numbered as they came, for any number of readers who each have a place of
/// their own. Old ones make room for new ones; a reader who is too slow for that learns how many it has missed.
struct EventRing {
    /// One event.
    struct Entry: Sendable {
        var workflowID: UniqueID
        var kind: String
        var at: Timestamp
        /// The message about it, as it goes out.
        var bytes: ByteBuffer
    }

    /// What a reader gets.
    struct Slice: Sendable {
        var entries: [Entry] = []
        /// The place after them.
        var next: UInt64
        /// How many were gone before they were read.
        var missed: UInt64 = 0
    }

    /// Most events that are kept.
    let maxEntries: Int
    /// Most bytes of messages that are kept.
    let maxBytes: Int
    /// Number of the oldest event that is kept.
    private(set) var first: UInt64 = 0
    private(set) var bytes = 0
    /// The oldest is at `first % maxEntries`; slots that hold nothing are nil.
    private var slots: [Entry?]

    init(maxEntries: Int = 16_384, maxBytes: Int = 16 << 20) {
        precondition(maxEntries > 0 && maxBytes > 0, "A ring has room.")
        self.maxEntries = maxEntries
        self.maxBytes = maxBytes
        slots = Array(repeating: nil, count: maxEntries)
    }

    /// How many are kept.
    private(set) var count = 0
    /// Number that the next event gets.
    var next: UInt64 { first + UInt64(count) }

    /// Adds an event; the oldest go if there is no room.
    mutating func append(_ entry: Entry) {
        while count > 0, count == maxEntries || bytes + entry.bytes.readableBytes > maxBytes { removeFirst() }
        slots[Int(next % UInt64(maxEntries))] = entry
        count += 1
        bytes += entry.bytes.readableBytes
    }

    /// Nothing is kept any more, and so many numbers are passed over: every reader misses something.
    mutating func skip() {
        while count > 0 { removeFirst() }
        first += 1
    }

    private mutating func removeFirst() {
        let slot = Int(first % UInt64(maxEntries))
        bytes -= slots[slot]?.bytes.readableBytes ?? 0
        slots[slot] = nil
        first += 1
        count -= 1
    }

    /// What comes from a place on, at most so many events or bytes, but one if there is one.
    func read(from place: UInt64, limit: Int, maxBytes: Int) -> Slice {
        let start = max(place, first)
        var slice = Slice(next: start, missed: start - place)
        var size = 0
        while slice.next < next, slice.entries.count < limit,
            let entry = slots[Int(slice.next % UInt64(maxEntries))]
        {
            guard slice.entries.isEmpty || size + entry.bytes.readableBytes <= maxBytes else { break }
            size += entry.bytes.readableBytes
            slice.entries.append(entry)
            slice.next += 1
        }
        return slice
    }
}
