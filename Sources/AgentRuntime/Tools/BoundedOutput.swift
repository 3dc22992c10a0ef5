/// The beginning and the end of a stream of bytes of any length, in bounded memory.
struct BoundedOutput: Sendable {
    /// Of the limit, the share kept of the end when the stream is longer: enough for the last lines of an error.
    private static let maxTailBytes = 256 << 10

    private let headLimit: Int
    private let tailLimit: Int
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    private var total = 0

    /// - Parameter limit: How many bytes are kept in all, at least 1 KiB.
    init(limit: Int) {
        let limit = max(limit, 1024)
        tailLimit = min(limit / 4, Self.maxTailBytes)
        headLimit = limit - tailLimit
    }

    /// Whether something was dropped.
    var truncated: Bool { total > headLimit + tailLimit }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        total += bytes.count
        let room = headLimit - head.count
        if room > 0 { head.append(contentsOf: bytes.prefix(room)) }
        guard bytes.count > room else { return }
        let rest = bytes.dropFirst(max(room, 0))
        if rest.count >= tailLimit {
            tail.removeAll(keepingCapacity: true)
            tail.append(contentsOf: rest.suffix(tailLimit))
            return
        }
        tail.append(contentsOf: rest)
        // Moving the tail to its front is dear, so it is let grow to twice its size first.
        if tail.count > 2 * tailLimit { tail.removeFirst(tail.count - tailLimit) }
    }

    /// What is kept, with a line that says how much is missing in between.
    func collected() -> [UInt8] {
        guard truncated else { return head + tail }
        let end = tail.suffix(tailLimit)
        let note = "\n… \(total - head.count - end.count) bytes left out …\n"
        return head + Array(note.utf8) + end
    }
}
