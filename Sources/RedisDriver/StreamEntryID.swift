/// The id of an entry of a stream: a time and a number, `<milliseconds>-<sequence>`. Ids of one stream only ever rise.
public struct StreamEntryID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Milliseconds since 1970 by the server's clock.
    public var milliseconds: UInt64
    /// Tells entries of the same millisecond apart.
    public var sequence: UInt64

    /// An id from its two numbers.
    public init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// The lowest id, `0-0`, which no entry has.
    public static let zero = StreamEntryID(milliseconds: 0, sequence: 0)

    /// The highest id there can be.
    public static let highest = StreamEntryID(milliseconds: .max, sequence: .max)

    /// Reads `<milliseconds>-<sequence>` (or `<milliseconds>` alone, for sequence 0); nil if it is anything else.
    public init?(_ text: String) {
        var text = text
        let id = text.withUTF8 { StreamEntryID(bytes: UnsafeRawBufferPointer($0)) }
        guard let id else { return nil }
        self = id
    }

    init?(bytes: UnsafeRawBufferPointer) {
        var numbers: (UInt64, UInt64) = (0, 0)
        var isInSequence = false
        var digits = 0
        for byte in bytes {
            if byte == UInt8(ascii: "-"), !isInSequence, digits > 0 {
                isInSequence = true
                digits = 0
                continue
            }
            guard (0x30...0x39).contains(byte) else { return nil }
            digits += 1
            let (product, overflows) = (isInSequence ? numbers.1 : numbers.0).multipliedReportingOverflow(by: 10)
            let (sum, exceeds) = product.addingReportingOverflow(UInt64(byte - 0x30))
            guard !overflows, !exceeds else { return nil }
            if isInSequence { numbers.1 = sum } else { numbers.0 = sum }
        }
        guard digits > 0 else { return nil }
        self.init(milliseconds: numbers.0, sequence: numbers.1)
    }

    /// `<milliseconds>-<sequence>`.
    public var description: String { "\(milliseconds)-\(sequence)" }

    /// The id right after this one.
    public var next: StreamEntryID {
        sequence == .max
            ? StreamEntryID(milliseconds: milliseconds + 1, sequence: 0)
            : StreamEntryID(milliseconds: milliseconds, sequence: sequence + 1)
    }

    /// Compares by age.
    public static func < (left: StreamEntryID, right: StreamEntryID) -> Bool {
        (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
    }
}
