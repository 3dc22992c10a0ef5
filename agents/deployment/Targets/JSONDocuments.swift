import JSONTools

/// The JSON that tools print: one document, an array, or several documents one after the other.
enum JSONDocuments {
    private static let limits = JSONLimits(maxBytes: 8 << 20)

    /// All documents of an output; the elements of an array count as documents of their own.
    ///
    /// - Returns: nil when some of it is no JSON.
    static func read(_ bytes: [UInt8]) -> [JSONValue]? {
        var documents: [JSONValue] = []
        for part in split(bytes) {
            guard let value = try? JSONValue(parsing: part, limits: limits) else { return nil }
            documents += value.arrayValue ?? [value]
        }
        return documents
    }

    /// Cuts an output behind each closing bracket of the outermost level.
    private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var (start, depth, isText, isEscaped) = (bytes.startIndex, 0, false, false)
        for (position, byte) in bytes.enumerated() {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isText = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isText = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 {
                    parts.append(Array(bytes[start...position]))
                    start = position + 1
                }
            default: break
            }
        }
        let rest = bytes[start...].filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        if !rest.isEmpty { parts.append(Array(rest)) }
        return parts
    }
}
