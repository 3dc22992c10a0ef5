extension JSONParser {
    /// Reads the string whose opening quote is at the present position.
    mutating func string(_ bytes: borrowing Span<UInt8>) throws(Fault) -> String {
        let opening = position
        var end = position + 1
        var seen: UInt8 = 0
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                position = end + 1
                return try text(bytes, from: opening + 1, to: end, isASCII: seen < 0x80)
            }
            seen |= byte
            if byte == UInt8(ascii: "\\") { return try stringWithEscapes(bytes, opening: opening, firstEscape: end) }
            if byte < 0x20 {
                position = end
                throw fault(bytes, "found \(found(bytes)) within a string, where it must be escaped")
            }
            end += 1
        }
        position = bytes.count
        throw fault(bytes, "the text ends within the string that starts at byte \(opening)")
    }

    private func text(
        _ bytes: borrowing Span<UInt8>, from start: Int, to end: Int, isASCII: Bool
    ) throws(Fault) -> String {
        let span = bytes.extracting(start..<end)
        // Twice as fast as validating, and nearly all text is ASCII.
        if isASCII { return span.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } }
        guard let text = span.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) }) else {
            throw Fault(code: .invalidUTF8, offset: start, message: "the string that starts here is not UTF-8")
        }
        return text
    }

    private mutating func stringWithEscapes(
        _ bytes: borrowing Span<UInt8>, opening: Int, firstEscape: Int
    ) throws(Fault) -> String {
        var buffer: [UInt8] = []
        buffer.reserveCapacity(2 * (firstEscape - opening) + 32)
        for offset in (opening + 1)..<firstEscape { buffer.append(bytes[offset]) }
        position = firstEscape
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                guard let text = String(validating: buffer, as: UTF8.self) else {
                    throw Fault(
                        code: .invalidUTF8, offset: opening + 1, message: "the string that starts here is not UTF-8")
                }
                return text
            }
            if byte == UInt8(ascii: "\\") {
                try escape(bytes, into: &buffer)
            } else if byte < 0x20 {
                throw fault(bytes, "found \(found(bytes)) within a string, where it must be escaped")
            } else {
                buffer.append(byte)
                position += 1
            }
        }
        throw fault(bytes, "the text ends within the string that starts at byte \(opening)")
    }

    /// Reads the escape whose backslash is at the present position.
    private mutating func escape(_ bytes: borrowing Span<UInt8>, into buffer: inout [UInt8]) throws(Fault) {
        guard position + 1 < bytes.count else {
            position = bytes.count
            throw fault(bytes, "the text ends within an escape")
        }
        let letter = bytes[position + 1]
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(letter)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0C)
        case UInt8(ascii: "n"): buffer.append(0x0A)
        case UInt8(ascii: "r"): buffer.append(0x0D)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "u"):
            try unicodeEscape(bytes, into: &buffer)
            return
        default: throw fault(bytes, "unknown escape; after a backslash one of \" \\ / b f n r t u is expected")
        }
        position += 2
    }

    private mutating func unicodeEscape(_ bytes: borrowing Span<UInt8>, into buffer: inout [UInt8]) throws(Fault) {
        guard let unit = hexUnit(bytes, at: position + 2) else {
            throw fault(bytes, "four hexadecimal digits are expected after \\u")
        }
        position += 6
        var code = UInt32(unit)
        if (0xD800..<0xDC00).contains(unit), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u"), let low = hexUnit(bytes, at: position + 2),
            (0xDC00..<0xE000).contains(low)
        {
            code = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            position += 6
        }
        // A surrogate without its other half is no scalar, and PostgreSQL takes no NUL: both are replaced.
        let scalar = (code == 0 ? nil : UnicodeScalar(code)) ?? "\u{FFFD}"
        buffer.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    private func hexUnit(_ bytes: borrowing Span<UInt8>, at start: Int) -> UInt16? {
        guard start + 4 <= bytes.count else { return nil }
        var unit: UInt16 = 0
        for offset in start..<(start + 4) {
            guard let digit = hexValue(bytes[offset]) else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}

extension JSONParser {
    /// Reads the number at the present position.
    mutating func number(_ bytes: borrowing Span<UInt8>) throws(Fault) -> JSONValue {
        let start = position
        let negative = accept(UInt8(ascii: "-"), bytes)
        let firstDigit = position
        var mantissa: UInt64 = 0
        var overflow = false
        func take(_ byte: UInt8) {
            let (product, high) = mantissa.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            mantissa = sum
            overflow = overflow || high || carry
        }
        while position < bytes.count, isDigit(bytes[position]) {
            take(bytes[position])
            position += 1
        }
        guard position > firstDigit else { throw fault(bytes, "found \(found(bytes)) where a digit is expected") }
        guard bytes[firstDigit] != UInt8(ascii: "0") || position == firstDigit + 1 else {
            position = firstDigit
            throw fault(bytes, "a number must not start with 0 unless it is 0 or has a fraction")
        }
        var scale = 0
        var isInteger = true
        if accept(UInt8(ascii: "."), bytes) {
            isInteger = false
            let firstFraction = position
            while position < bytes.count, isDigit(bytes[position]) {
                take(bytes[position])
                position += 1
            }
            scale = firstFraction - position
            guard scale < 0 else { throw fault(bytes, "found \(found(bytes)) where a digit is expected") }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            scale += try exponent(bytes)
        }
        if isInteger, !overflow {
            if !negative, let integer = Int64(exactly: mantissa) { return .integer(integer) }
            if negative, mantissa != 0, mantissa <= Int64.min.magnitude {
                return .integer(Int64(truncatingIfNeeded: 0 &- mantissa))
            }
        }
        return try double(
            bytes, from: start, negative: negative, mantissa: overflow ? nil : mantissa, scale: scale)
    }

    private mutating func exponent(_ bytes: borrowing Span<UInt8>) throws(Fault) -> Int {
        let negative = accept(UInt8(ascii: "-"), bytes)
        if !negative { _ = accept(UInt8(ascii: "+"), bytes) }
        let firstDigit = position
        var exponent = 0
        while position < bytes.count, isDigit(bytes[position]) {
            exponent = min(exponent * 10 + Int(bytes[position] - UInt8(ascii: "0")), 1_000_000)
            position += 1
        }
        guard position > firstDigit else { throw fault(bytes, "found \(found(bytes)) where a digit is expected") }
        return negative ? -exponent : exponent
    }

    /// The double nearest to mantissa · 10^scale, whose digits run from `start` to the present position.
    ///
    /// Where both mantissa and power of ten are exact doubles one rounded operation is correct (Clinger, "How to read
    /// floating point numbers accurately", 1990); everything else goes through the standard library.
    private func double(
        _ bytes: borrowing Span<UInt8>, from start: Int, negative: Bool, mantissa: UInt64?, scale: Int
    ) throws(Fault) -> JSONValue {
        if let mantissa, mantissa <= 1 << 53, abs(scale) < Self.exactPowersOfTen.count {
            let power = Self.exactPowersOfTen[abs(scale)]
            let magnitude = scale < 0 ? Double(mantissa) / power : Double(mantissa) * power
            return .number(negative ? -magnitude : magnitude)
        }
        let text = bytes.extracting(start..<position).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        guard let number = Double(text), number.isFinite else {
            throw Fault(
                code: .numberOutOfRange, offset: start,
                message: "the number \(text.prefix(40)) is beyond the range of a double (about ±1.8e308)")
        }
        return .number(number)
    }

    private static let exactPowersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

/// The value of a hexadecimal digit in either case, or nil.
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
