import Foundation

/// A point in time in whole seconds, read from RFC 3339 and written in UTC.
struct Moment: CustomStringConvertible {
    /// Since 1970-01-01T00:00:00Z.
    var seconds: Int

    /// Now, with milliseconds, as records note when they were made.
    static func now() -> String {
        let milliseconds = Int((Date().timeIntervalSince1970 * 1000).rounded(.down))
        let text = Moment(seconds: milliseconds / 1000).description
        return text.dropLast() + "." + padded(milliseconds % 1000, 3) + "Z"
    }

    init(seconds: Int) { self.seconds = seconds }

    /// Midnight of a date of the calendar, such as 2026-01-31; nil when there is no such day.
    init?(date text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, let year = Self.digits(parts[0]),
            let month = Self.twoDigits(parts[1]), let day = Self.twoDigits(parts[2]), (1...12).contains(month), day >= 1
        else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard year >= 1, day <= lengths[month - 1] else { return nil }
        seconds = Self.days(year, month, day) * 86_400
    }

    /// A date and time with its zone, such as 2026-01-31T12:30:00Z; fractions of a second are dropped.
    init?(_ text: String) {
        let halves = text.split(separator: "T", omittingEmptySubsequences: false)
        guard halves.count == 2, halves[0].utf8.count == 10, let date = Moment(date: halves[0]) else { return nil }
        var time = halves[1]
        var offset = 0
        if time.hasSuffix("Z") {
            time = time.dropLast()
        } else {
            let zone = time.suffix(6)
            let parts = zone.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
            guard zone.utf8.count == 6, zone.first == "+" || zone.first == "-", parts.count == 2,
                let hours = Self.twoDigits(parts[0]), let minutes = Self.twoDigits(parts[1]), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (zone.first == "-" ? -60 : 60)
            time = time.dropLast(6)
        }
        let fraction = time.split(separator: ".", omittingEmptySubsequences: false)
        if fraction.count == 2 {
            guard (1...6).contains(fraction[1].utf8.count), Self.digits(fraction[1]) != nil else { return nil }
        }
        let parts = fraction[0].split(separator: ":", omittingEmptySubsequences: false).map(Self.twoDigits)
        guard fraction.count <= 2, parts.count == 2 || (parts.count == 3), let hour = parts[0], let minute = parts[1],
            hour < 24, minute < 60, fraction.count == 1 || parts.count == 3
        else { return nil }
        var second = 0
        if parts.count == 3 {
            guard let given = parts[2], given < 60 else { return nil }
            second = given
        }
        seconds = date.seconds + hour * 3600 + minute * 60 + second - offset
        guard (Self.days(1, 1, 1) * 86_400..<Self.days(10_000, 1, 1) * 86_400).contains(seconds) else { return nil }
    }

    var description: String {
        let days = Int((Double(seconds) / 86_400).rounded(.down))
        let rest = seconds - days * 86_400
        let (year, month, day) = Self.civil(days)
        let date = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
        return date
            + "T\(Self.padded(rest / 3600, 2)):\(Self.padded(rest / 60 % 60, 2)):\(Self.padded(rest % 60, 2))Z"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    private static func digits(_ text: some StringProtocol) -> Int? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }

    private static func twoDigits(_ text: some StringProtocol) -> Int? {
        text.utf8.count == 2 ? digits(text) : nil
    }

    /// Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The opposite (civil_from_days).
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let number = month < 10 ? month + 3 : month - 9
        return (yearOfEra + era * 400 + (number <= 2 ? 1 : 0), number, day)
    }
}
