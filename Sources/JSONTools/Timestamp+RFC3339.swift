extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with milliseconds, as in `2026-01-31T09:05:07.250Z`. Years outside 0...9999 are clamped to it.
    public var description: String {
        String(unsafeUninitializedCapacity: 24) { buffer in
            var count = 0
            write(fractionDigits: 3) { byte in
                buffer[count] = byte
                count += 1
            }
            return count
        }
    }

    /// RFC 3339 in UTC with microseconds, as in `2026-01-31T09:05:07.250001Z`. Years outside 0...9999 are clamped.
    public var descriptionWithMicroseconds: String {
        String(unsafeUninitializedCapacity: 27) { buffer in
            var count = 0
            write(fractionDigits: 6) { byte in
                buffer[count] = byte
                count += 1
            }
            return count
        }
    }

    private static let earliestWritable: Int64 = -62_167_219_200_000_000
    private static let latestWritable: Int64 = 253_402_300_799_999_999

    /// Gives the bytes of the text one by one; `fractionDigits` is 3 or 6.
    @inline(__always)
    func write(fractionDigits: Int, to append: (UInt8) -> Void) {
        let clamped = min(max(microseconds, Self.earliestWritable), Self.latestWritable)
        let (days, microsecondOfDay) = Self.floorDivide(clamped, by: 86_400_000_000)
        let (year, month, day) = Self.civil(fromDays: days)
        let (secondOfDay, fraction) = microsecondOfDay.quotientAndRemainder(dividingBy: 1_000_000)
        func digits(_ value: Int64, _ count: Int) {
            var divisor: Int64 = 1
            for _ in 1..<count { divisor *= 10 }
            while divisor > 0 {
                append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
                divisor /= 10
            }
        }
        digits(year, 4)
        append(UInt8(ascii: "-"))
        digits(month, 2)
        append(UInt8(ascii: "-"))
        digits(day, 2)
        append(UInt8(ascii: "T"))
        digits(secondOfDay / 3600, 2)
        append(UInt8(ascii: ":"))
        digits(secondOfDay / 60 % 60, 2)
        append(UInt8(ascii: ":"))
        digits(secondOfDay % 60, 2)
        append(UInt8(ascii: "."))
        digits(fractionDigits == 3 ? fraction / 1000 : fraction, fractionDigits)
        append(UInt8(ascii: "Z"))
    }

    /// Reads an RFC 3339 time; nil if it isn't one.
    ///
    /// Any offset is accepted and turned to UTC; `t`, `z` and a blank between date and time are accepted as the RFC
    /// permits; digits beyond microseconds are cut off; a leap second counts as the first second of the next minute.
    public init?(rfc3339 text: String) {
        var copy = text
        guard let microseconds = copy.withUTF8({ Self.parse($0) }) else { return nil }
        self.init(microseconds: microseconds)
    }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        var position = 0
        func number(_ count: Int) -> Int64? {
            guard position + count <= text.count else { return nil }
            var value: Int64 = 0
            for _ in 0..<count {
                guard text[position] &- UInt8(ascii: "0") < 10 else { return nil }
                value = value * 10 + Int64(text[position] - UInt8(ascii: "0"))
                position += 1
            }
            return value
        }
        func accept(_ bytes: UInt8...) -> Bool {
            guard position < text.count, bytes.contains(text[position]) else { return false }
            position += 1
            return true
        }
        let dash = UInt8(ascii: "-")
        let colon = UInt8(ascii: ":")
        guard let year = number(4), accept(dash), let month = number(2), accept(dash), let day = number(2),
            (1...12).contains(month), (1...daysIn(month, of: year)).contains(day),
            accept(UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")),
            let hour = number(2), accept(colon), let minute = number(2), accept(colon), let second = number(2),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction: Int64 = 0
        if accept(UInt8(ascii: ".")) {
            let first = position
            var scale: Int64 = 100_000
            while let digit = number(1) {
                fraction += digit * scale
                scale /= 10
            }
            guard position > first else { return nil }
        }
        var offset: Int64 = 0
        if !accept(UInt8(ascii: "Z"), UInt8(ascii: "z")) {
            let negative = accept(dash)
            guard negative || accept(UInt8(ascii: "+")), let hours = number(2), accept(colon), let minutes = number(2),
                hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (negative ? -60 : 60)
        }
        guard position == text.count else { return nil }
        let seconds = days(fromCivil: year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return seconds * 1_000_000 + fraction
    }

    static func daysIn(_ month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 to a date (H. Hinnant, "chrono-compatible low-level date algorithms").
    ///
    /// The year is counted from March, so that the leap day comes last, in eras of 400 years = 146,097 days.
    static func days(fromCivil year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let (era, yearOfEra) = floorDivide(month <= 2 ? year - 1 : year, by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The date that many days from 1970-01-01; the inverse of ``days(fromCivil:_:_:)``.
    static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

extension JSONWriter {
    /// Writes a moment as RFC 3339 in UTC with milliseconds.
    public mutating func value(_ moment: Timestamp) {
        quotedASCII { bytes in moment.write(fractionDigits: 3) { bytes.append($0) } }
    }
}
