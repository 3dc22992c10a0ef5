/// A UUID (RFC 9562), written in lower case. Ids order as their bytes do, so version 7 ids order by time.
public struct UniqueID: Sendable, Hashable {
    /// The first eight bytes, the first in the most significant place.
    public var high: UInt64
    /// The last eight bytes.
    public var low: UInt64

    /// - Parameters:
    ///   - high: the first eight bytes, the first in the most significant place.
    ///   - low: the last eight bytes.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the 36-character form with hyphens, in either case; nil if `text` isn't that.
    public init?(_ text: String) {
        var copy = text
        guard let id = copy.withUTF8({ Self.parse($0) }) else { return nil }
        self = id
    }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> UniqueID? {
        guard text.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for position in 0..<36 {
            switch position {
            case 8, 13, 18, 23:
                guard text[position] == UInt8(ascii: "-") else { return nil }
            default:
                guard let digit = hexValue(text[position]) else { return nil }
                if position < 18 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
            }
        }
        return UniqueID(high: high, low: low)
    }

    /// A version 7 id: 48 bits of milliseconds, 12 bits of the fraction of that millisecond (RFC 9562, 6.2, method 3,
    /// so ids made in different microseconds order by time) and 62 random bits.
    /// - Parameters:
    ///   - moment: the time to put in; moments before 1970 count as 1970.
    ///   - generator: where the random bits come from.
    public static func v7(at moment: Timestamp, using generator: inout some RandomNumberGenerator) -> UniqueID {
        let microseconds = UInt64(max(0, moment.microseconds))
        let (milliseconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1000)
        let fraction = rest * 4096 / 1000
        return UniqueID(
            high: milliseconds << 16 | 0x7000 | fraction,
            low: 1 << 63 | generator.next() >> 2)
    }

    /// The version in the id: 7 for those that we make.
    public var version: Int { Int(high >> 12 & 0xF) }

    /// When a version 7 id was made, to the millisecond; nil for other versions.
    public var timestamp: Timestamp? {
        version == 7 ? Timestamp(milliseconds: Int64(high >> 16)) : nil
    }

    /// The sixteen bytes in order.
    public var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * $0)) }
    }
}

extension UniqueID: Comparable {
    /// Order of the bytes.
    public static func < (left: UniqueID, right: UniqueID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension UniqueID: CustomStringConvertible {
    /// The 36-character form in lower case.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var count = 0
            write { byte in
                buffer[count] = byte
                count += 1
            }
            return count
        }
    }

    @inline(__always)
    func write(to append: (UInt8) -> Void) {
        for position in 0..<32 {
            if position == 8 || position == 12 || position == 16 || position == 20 { append(UInt8(ascii: "-")) }
            let half = position < 16 ? high : low
            append(hexDigit(UInt8(truncatingIfNeeded: half >> (60 - 4 * (position & 15))) & 15))
        }
    }
}

extension JSONWriter {
    /// Writes an id in lower case.
    public mutating func value(_ id: UniqueID) {
        quotedASCII { bytes in id.write { bytes.append($0) } }
    }
}
