/// The number of one send of a task, drawn at random: 16 lower-case hexadecimal digits on the wire.
///
/// An attempt that is sent again gets a new one, which makes everything said about the older send stale.
public struct DispatchID: Sendable, Hashable, CustomStringConvertible {
    /// The number.
    public var rawValue: UInt64

    /// - Parameter rawValue: the number.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Reads 16 lower-case hexadecimal digits; nil if `text` isn't that.
    public init?(_ text: String) {
        guard text.utf8.count == 16, text.utf8.allSatisfy(isLowerHexDigit), let value = UInt64(text, radix: 16) else {
            return nil
        }
        rawValue = value
    }

    /// A new one.
    public static func random(using generator: inout some RandomNumberGenerator) -> DispatchID {
        DispatchID(rawValue: generator.next())
    }

    /// The 16 digits.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
