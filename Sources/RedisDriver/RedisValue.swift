/// A reply, or an element of one: a view into the bytes that came.
public struct RedisValue: Sendable {
    let tape: ReplyTape
    let index: Int

    private var node: ReplyNode { tape.nodes[index] }

    /// True for a missing value.
    public var isNull: Bool { node.kind == .null }

    /// The number, if it is one, or a text of digits.
    public var integer: Int? {
        switch node.kind {
        case .integer: Int(node.number)
        case .status, .bytes: string.flatMap { Int($0) }
        case .error, .array, .null: nil
        }
    }

    /// A copy of the bytes of a text.
    public var bytes: [UInt8]? { withBytes { Array($0) } }

    /// The text, with U+FFFD for what is not UTF-8.
    public var string: String? { withBytes { String(decoding: $0, as: UTF8.self) } }

    /// The id of an entry, if the text is one.
    public var entryID: StreamEntryID? { withBytes { StreamEntryID(bytes: $0) } ?? nil }

    /// The error, if the server replied with one.
    public var error: RedisError? {
        guard node.kind == .error else { return nil }
        return RedisError(reply: text { String(decoding: $0, as: UTF8.self) })
    }

    /// The elements of an array; none if it isn't an array.
    public var elements: RedisValues {
        guard node.kind == .array else { return RedisValues(tape: tape, start: index, count: 0) }
        return RedisValues(tape: tape, start: index + 1, count: Int(node.length))
    }

    /// True for an array, empty ones too.
    public var isArray: Bool { node.kind == .array }

    /// Reads the bytes of a text in place; nil if it isn't a text.
    public func withBytes<Answer>(_ read: (UnsafeRawBufferPointer) -> Answer) -> Answer? {
        switch node.kind {
        case .status, .bytes: text(read)
        case .error, .integer, .array, .null: nil
        }
    }

    /// Whether it is a text with just these bytes.
    public func equals(_ other: StaticString) -> Bool {
        withBytes { bytes in
            other.withUTF8Buffer { $0.count == bytes.count && zip($0, bytes).allSatisfy { $0 == $1 } }
        } ?? false
    }

    /// The value, or the error that the server replied with.
    var outcome: RedisOutcome { error.map { .failure($0) } ?? .success(self) }

    private func text<Answer>(_ read: (UnsafeRawBufferPointer) -> Answer) -> Answer {
        tape.bytes.withUnsafeBytes { bytes in
            let start = Int(node.number)
            return read(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + Int(node.length))]))
        }
    }
}

extension RedisValue: CustomStringConvertible {
    /// The value as a person would write it down.
    public var description: String {
        switch node.kind {
        case .null: "null"
        case .integer: "\(node.number)"
        case .status, .bytes, .error: text { "\"\(String(decoding: $0, as: UTF8.self))\"" }
        case .array: "[\(elements.map(\.description).joined(separator: ", "))]"
        }
    }
}

/// Values one after the other. Reaching the n-th costs n steps.
public struct RedisValues: Sendable, Sequence {
    let tape: ReplyTape
    let start: Int
    /// How many there are.
    public let count: Int

    /// The value at a place; nil beyond the last.
    public subscript(place: Int) -> RedisValue? {
        guard (0..<count).contains(place) else { return nil }
        var index = start
        for _ in 0..<place { index = Int(tape.nodes[index].end) }
        return RedisValue(tape: tape, index: index)
    }

    /// Goes through the values in order.
    public func makeIterator() -> Iterator { Iterator(tape: tape, index: start, left: count) }

    /// About, and here exactly, how many values come.
    public var underestimatedCount: Int { count }

    /// Goes through values in order.
    public struct Iterator: IteratorProtocol {
        let tape: ReplyTape
        var index: Int
        var left: Int

        /// The next value.
        public mutating func next() -> RedisValue? {
            guard left > 0 else { return nil }
            defer {
                left -= 1
                index = Int(tape.nodes[index].end)
            }
            return RedisValue(tape: tape, index: index)
        }
    }
}
