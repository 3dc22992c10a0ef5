import Glibc

/// Cuts a stream of bytes into lines for a log, in bounded memory.
///
/// Lines end at `\n` (a `\r` before it is dropped); one that is longer than the limit is cut and its rest skipped.
/// When the log takes no more, what comes is only counted, so that a tool that prints a gigabyte costs next to nothing.
struct LineSplitter: Sendable {
    static let maxLineBytes = 4096

    private var partial: [UInt8] = []
    private var isSkippingRest = false

    /// Takes the next bytes.
    ///
    /// - Parameters:
    ///   - bytes: What was read.
    ///   - room: How many lines the log takes now.
    ///   - emit: Called for each whole line.
    /// - Returns: How many lines were dropped.
    mutating func feed(_ bytes: UnsafeRawBufferPointer, room: Int, emit: (String) -> Void) -> Int {
        var rest = bytes
        var room = room
        while let base = rest.baseAddress, !rest.isEmpty {
            if room <= 0 { return skip(rest) }
            guard let newline = memchr(base, 0x0A, rest.count) else {
                keep(rest)
                return 0
            }
            let length = UnsafeRawPointer(newline) - base
            keep(UnsafeRawBufferPointer(rebasing: rest.prefix(length)))
            emit(takeLine())
            room -= 1
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(length + 1))
        }
        return 0
    }

    /// The last line, when the stream didn't end with a newline.
    mutating func finish() -> String? { partial.isEmpty ? nil : takeLine() }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        guard !isSkippingRest else { return }
        let room = Self.maxLineBytes - partial.count
        partial.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { isSkippingRest = true }
    }

    private mutating func takeLine() -> String {
        if partial.last == 0x0D { partial.removeLast() }
        let line = String(decoding: partial, as: UTF8.self) + (isSkippingRest ? " …" : "")
        partial.removeAll(keepingCapacity: true)
        isSkippingRest = false
        return line
    }

    /// Counts the lines that end in `bytes` and starts anew after the last of them.
    private mutating func skip(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = bytes.reduce(into: 0) { count, byte in count &+= byte == 0x0A ? 1 : 0 }
        guard count > 0, let last = bytes.lastIndex(of: 0x0A) else {
            isSkippingRest = true
            return 0
        }
        partial.removeAll(keepingCapacity: true)
        isSkippingRest = false
        let rest = bytes[bytes.index(after: last)...]
        keep(UnsafeRawBufferPointer(rebasing: rest))
        return count
    }
}
