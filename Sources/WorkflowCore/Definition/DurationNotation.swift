/// How durations are written in definitions: whole numbers with units, the greatest unit first, as in `10m`, `1h30m`,
/// `250ms`.
public enum DurationNotation {
    /// The longest duration that can be written: 365 days.
    public static let longest: Swift.Duration = .seconds(365 * 86_400)

    /// The units with their length in milliseconds, greatest first.
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// Why a text is no duration.
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// What was found and what was expected.
        public let description: String
    }

    /// Reads a duration.
    ///
    /// - Parameter text: one or more of `<whole number><d|h|m|s|ms>`, each unit at most once, greatest first, no spaces.
    /// - Returns: a duration from 0 to 365 days, in whole milliseconds.
    /// - Throws: `Failure`, saying what was found and what was expected.
    public static func parse(_ text: String) throws(Failure) -> Swift.Duration {
        let bytes = Array(text.utf8)
        var position = 0
        var nextUnit = 0
        var total: Int64 = 0
        guard !bytes.isEmpty, bytes.count <= 32 else { throw failure(text) }
        while position < bytes.count {
            let digits = run(in: bytes, from: position) { 0x30...0x39 ~= $0 }
            let letters = run(in: bytes, from: digits.upperBound) { 0x61...0x7a ~= $0 }
            guard let count = Int64(String(decoding: bytes[digits], as: UTF8.self)) else { throw failure(text) }
            guard digits.upperBound < bytes.count else {
                throw Failure(description: "found '\(text)', a number without a unit; expected for example '\(text)s'")
            }
            let name = String(decoding: bytes[letters], as: UTF8.self)
            guard let unit = units.firstIndex(where: { $0.name == name }) else { throw failure(text) }
            guard unit >= nextUnit else {
                throw Failure(
                    description: "found '\(text)'; expected each unit once, the greatest first, as in '1h30m'")
            }
            let (part, overflow) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, carry) = total.addingReportingOverflow(part)
            guard !overflow, !carry, Swift.Duration.milliseconds(sum) <= longest else {
                throw Failure(description: "found '\(text)'; expected at most 365d")
            }
            total = sum
            nextUnit = unit + 1
            position = letters.upperBound
        }
        return .milliseconds(total)
    }

    /// Writes a duration so that `parse` reads it back; what lies below a millisecond is dropped.
    ///
    /// - Parameter duration: a duration of at least zero; less is written as `0s`.
    public static func format(_ duration: Swift.Duration) -> String {
        var rest = milliseconds(duration)
        guard rest > 0 else { return "0s" }
        var text = ""
        for unit in units {
            let (count, remainder) = rest.quotientAndRemainder(dividingBy: unit.milliseconds)
            if count > 0 { text += "\(count)\(unit.name)" }
            rest = remainder
        }
        return text
    }

    /// The whole milliseconds of a duration.
    static func milliseconds(_ duration: Swift.Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : product &+ (attoseconds / 1_000_000_000_000_000)
    }

    private static func run(in bytes: [UInt8], from start: Int, while fits: (UInt8) -> Bool) -> Range<Int> {
        var end = start
        while end < bytes.count, fits(bytes[end]) { end += 1 }
        return start..<end
    }

    private static func failure(_ text: String) -> Failure {
        let shown = text.count > 40 ? text.prefix(40) + "…" : text[...]
        return Failure(
            description: "found '\(shown)'; expected whole numbers with units (d, h, m, s, ms), as in '10m' or '1h30m'")
    }
}
