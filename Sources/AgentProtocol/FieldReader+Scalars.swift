import JSONTools

extension FieldReader {
    func string(
        _ key: String, _ value: JSONValue, maxBytes: Int, allowEmpty: Bool
    ) throws(ProtocolError) -> String {
        guard case .string(let text) = value else { throw wrongType(key, value, "a string") }
        let count = text.utf8.count
        guard count <= maxBytes else {
            throw invalid(key, "found \(count) bytes of text, at most \(maxBytes) are allowed; shorten it")
        }
        guard allowEmpty || count > 0 else { throw invalid(key, "found an empty string, expected some text") }
        return text
    }

    /// Text of any length up to `maxBytes`, which may be empty.
    mutating func text(_ key: String, maxBytes: Int) throws(ProtocolError) -> String {
        try string(key, try required(key), maxBytes: maxBytes, allowEmpty: true)
    }

    /// As ``text(_:maxBytes:)``, nil if absent.
    mutating func optionalText(_ key: String, maxBytes: Int) throws(ProtocolError) -> String? {
        guard let value = optional(key) else { return nil }
        return try string(key, value, maxBytes: maxBytes, allowEmpty: true)
    }

    /// Text that isn't empty and has at most ``ProtocolLimits/shortTextBytes``.
    mutating func shortText(_ key: String) throws(ProtocolError) -> String {
        try string(key, try required(key), maxBytes: ProtocolLimits.shortTextBytes, allowEmpty: false)
    }

    /// As ``shortText(_:)``, nil if absent.
    mutating func optionalShortText(_ key: String) throws(ProtocolError) -> String? {
        guard let value = optional(key) else { return nil }
        return try string(key, value, maxBytes: ProtocolLimits.shortTextBytes, allowEmpty: false)
    }

    /// A name that may be part of a channel's name: see ``ProtocolLimits/nameBytes``.
    mutating func name(_ key: String) throws(ProtocolError) -> String {
        try checkName(key, try required(key))
    }

    /// As ``name(_:)``, nil if absent.
    mutating func optionalName(_ key: String) throws(ProtocolError) -> String? {
        guard let value = optional(key) else { return nil }
        return try checkName(key, value)
    }

    private func checkName(_ key: String, _ value: JSONValue) throws(ProtocolError) -> String {
        let name = try string(key, value, maxBytes: ProtocolLimits.nameBytes, allowEmpty: false)
        guard ProtocolLimits.isName(name) else {
            throw invalid(
                key, "found \"\(name)\"; a name has letters, digits, '_', '-' and '.', and starts with no '-' or '.'")
        }
        return name
    }

    /// Lower-case hexadecimal digits of one of the given lengths.
    mutating func optionalHex(_ key: String, lengths: Int...) throws(ProtocolError) -> String? {
        guard let value = optional(key) else { return nil }
        let text = try string(key, value, maxBytes: 64, allowEmpty: false)
        guard lengths.contains(text.utf8.count), text.utf8.allSatisfy(isLowerHexDigit) else {
            let expected = lengths.map(String.init).joined(separator: " or ")
            throw invalid(key, "found \"\(text)\", expected \(expected) lower-case hexadecimal digits")
        }
        return text
    }

    /// As ``optionalHex(_:lengths:)``, but it must be there.
    mutating func hex(_ key: String, length: Int) throws(ProtocolError) -> String {
        guard let text = try optionalHex(key, lengths: length) else { throw missing(key) }
        return text
    }

    /// One of the raw values of an enumeration.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, of type: Choice.Type = Choice.self
    ) throws(ProtocolError) -> Choice where Choice.RawValue == String {
        let text = try shortText(key)
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue)
            let hint = closestMatch(text, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
            throw invalid(key, "found \"\(text.prefix(80))\", expected one of \(known.joined(separator: ", "))\(hint)")
        }
        return choice
    }

    /// As ``choice(_:of:)``, nil if absent.
    mutating func optionalChoice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, of type: Choice.Type = Choice.self
    ) throws(ProtocolError) -> Choice? where Choice.RawValue == String {
        guard optional(key) != nil else { return nil }
        return try choice(key)
    }
}

extension FieldReader {
    private func integer(_ key: String, _ value: JSONValue, in range: ClosedRange<Int>) throws(ProtocolError) -> Int {
        guard let integer = value.intValue else {
            throw wrongType(key, value, "an integer")
        }
        guard range.contains(integer) else {
            throw invalid(key, "found \(integer), expected \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    /// An integer; `1.0` counts as one, as in JSON Schema.
    mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(ProtocolError) -> Int {
        try integer(key, try required(key), in: range)
    }

    /// As ``integer(_:in:)``, nil if absent.
    mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(ProtocolError) -> Int? {
        guard let value = optional(key) else { return nil }
        return try integer(key, value, in: range)
    }

    /// Any number within a range, nil if absent.
    mutating func optionalNumber(_ key: String, in range: ClosedRange<Double>) throws(ProtocolError) -> Double? {
        guard let value = optional(key) else { return nil }
        guard let number = value.doubleValue else { throw wrongType(key, value, "a number") }
        guard range.contains(number) else {
            throw invalid(key, "found \(number), expected \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A truth value, `fallback` if absent.
    mutating func truth(_ key: String, default fallback: Bool) throws(ProtocolError) -> Bool {
        guard let value = optional(key) else { return fallback }
        guard case .bool(let truth) = value else { throw wrongType(key, value, "true or false") }
        return truth
    }

    /// A truth value.
    mutating func truth(_ key: String) throws(ProtocolError) -> Bool {
        let value = try required(key)
        guard case .bool(let truth) = value else { throw wrongType(key, value, "true or false") }
        return truth
    }

    /// A UUID in its 36-character form.
    mutating func id(_ key: String) throws(ProtocolError) -> UniqueID {
        let value = try required(key)
        guard case .string(let text) = value else { throw wrongType(key, value, "a string") }
        guard let id = UniqueID(text) else {
            throw invalid(key, "found \"\(text.prefix(60))\", expected a UUID of 36 characters")
        }
        return id
    }

    /// Sixteen lower-case hexadecimal digits.
    mutating func dispatchID(_ key: String) throws(ProtocolError) -> DispatchID {
        let value = try required(key)
        guard case .string(let text) = value else { throw wrongType(key, value, "a string") }
        guard let id = DispatchID(text) else {
            throw invalid(key, "found \"\(text.prefix(60))\", expected 16 lower-case hexadecimal digits")
        }
        return id
    }

    /// An RFC 3339 time, in whole milliseconds as messages carry them.
    mutating func time(_ key: String) throws(ProtocolError) -> Timestamp {
        let value = try required(key)
        guard case .string(let text) = value else { throw wrongType(key, value, "a string") }
        guard let moment = Timestamp(rfc3339: text) else {
            throw invalid(
                key, "found \"\(text.prefix(60))\", expected an RFC 3339 time such as 2026-01-31T09:05:07.250Z")
        }
        return Timestamp(milliseconds: moment.milliseconds)
    }
}

/// Whether a byte is one of `0`…`9` and `a`…`f`.
func isLowerHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
}

extension ProtocolLimits {
    /// Whether a text of allowed length is made as names are; see ``nameBytes``.
    static func isName(_ text: String) -> Bool {
        var isFirst = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                break
            case UInt8(ascii: "-"), UInt8(ascii: "."):
                if isFirst { return false }
            default:
                return false
            }
            isFirst = false
        }
        return !isFirst
    }
}
