/// Writes JSON text straight into bytes.
///
/// The writer puts the commas; the caller keeps the structure (a value after each key, every begin with its end), which
/// is checked by tests of the callers and not at run time. Text is escaped on the way out, and NUL becomes U+FFFD as
/// it does when parsing, so nothing we write is refused by PostgreSQL.
public struct JSONWriter: Sendable {
    /// What has been written so far.
    public private(set) var bytes: [UInt8]
    private var needsComma = false

    /// - Parameter capacity: bytes to reserve at once.
    public init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Opens an object.
    public mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    /// Closes an object.
    public mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    /// Opens an array.
    public mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    /// Closes an array.
    public mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// Writes the key of a member; its value follows.
    public mutating func key(_ name: String) {
        separate()
        appendQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a key that is known when compiling and needs no escaping: ASCII without quote, backslash and controls.
    public mutating func key(literal name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes `null`.
    public mutating func null() {
        separate()
        appendASCII("null")
    }

    /// Writes text.
    public mutating func value(_ text: String) {
        separate()
        appendQuoted(text)
    }

    /// Writes a truth value.
    public mutating func value(_ truth: Bool) {
        separate()
        appendASCII(truth ? "true" : "false")
    }

    /// Writes an integer.
    public mutating func value(_ integer: Int) { value(Int64(integer)) }

    /// Writes an integer.
    public mutating func value(_ integer: Int64) {
        separate()
        appendDecimal(integer)
    }

    /// Writes a number in the shortest form that reads back as the same double; `null` for infinities and NaN.
    public mutating func value(_ number: Double) {
        separate()
        guard number.isFinite else {
            appendASCII("null")
            return
        }
        var text = number.description
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    /// Writes any value.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let truth): self.value(truth)
        case .integer(let integer): self.value(integer)
        case .number(let number): self.value(number)
        case .string(let text): self.value(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let object): self.value(object)
        }
    }

    /// Writes an object.
    public mutating func value(_ object: JSONObject) {
        beginObject()
        for entry in object.entries {
            key(entry.key)
            value(entry.value)
        }
        endObject()
    }

    /// Writes a value that is JSON text already; it is copied as it is.
    public mutating func raw(_ encoded: [UInt8]) {
        separate()
        bytes.append(contentsOf: encoded)
    }

    /// Writes ASCII text that needs no escaping (hex digits, times) between quotes.
    mutating func quotedASCII(_ body: (inout [UInt8]) -> Void) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        body(&bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func appendASCII(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func appendDecimal(_ integer: Int64) {
        var magnitude = integer.magnitude
        if integer < 0 { bytes.append(UInt8(ascii: "-")) }
        if magnitude < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude))
            return
        }
        let start = bytes.count
        while magnitude > 0 {
            let (quotient, digit) = magnitude.quotientAndRemainder(dividingBy: 10)
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            magnitude = quotient
        }
        bytes[start...].reverse()
    }

    private mutating func appendQuoted(_ text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            var start = 0
            var position = 0
            while position < utf8.count {
                let byte = utf8[position]
                if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                    position += 1
                    continue
                }
                bytes.append(contentsOf: utf8[start..<position])
                appendEscape(byte)
                position += 1
                start = position
            }
            bytes.append(contentsOf: utf8[start..<position])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscape(_ byte: UInt8) {
        switch byte {
        case 0: appendASCII("\u{FFFD}")
        case UInt8(ascii: "\""): appendASCII("\\\"")
        case UInt8(ascii: "\\"): appendASCII("\\\\")
        case UInt8(ascii: "\n"): appendASCII("\\n")
        case UInt8(ascii: "\r"): appendASCII("\\r")
        case UInt8(ascii: "\t"): appendASCII("\\t")
        default:
            appendASCII("\\u00")
            bytes.append(hexDigit(byte >> 4))
            bytes.append(hexDigit(byte & 15))
        }
    }
}

/// The lower-case hexadecimal digit of a number below 16, as ASCII.
func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}
