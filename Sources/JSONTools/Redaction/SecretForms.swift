/// The forms in which a secret may show up in a text.
///
/// The value itself; each of its lines (a key's file is printed line by line); in base64 and base64url, wherever in a
/// longer value it begins; percent-encoded, as in URLs and forms; as JSON and HTML write it; in hexadecimal digits.
enum SecretForms {
    /// All forms that are long enough to be looked for, each once.
    static func all(of value: String) -> Set<[UInt8]> {
        let bytes = Array(value.utf8)
        var forms: Set<[UInt8]> = []
        let lines = bytes.split { $0 == 0x0A || $0 == 0x0D }.map(Array.init)
        for part in lines.count > 1 ? [bytes] + lines : [bytes] where part.count >= Redactor.minimumBytes {
            forms.insert(part)
            forms.formUnion(base64(part))
            forms.formUnion(hexadecimal(part))
            forms.formUnion([
                percent(part, "0123456789ABCDEF", spaceIsPlus: false),
                percent(part, "0123456789abcdef", spaceIsPlus: false),
                percent(part, "0123456789ABCDEF", spaceIsPlus: true), json(part, escapesSlash: false),
                json(part, escapesSlash: true), html(part, quote: "&quot;", apostrophe: "&#39;"),
                html(part, quote: "&#34;", apostrophe: "&apos;"), html(part, quote: "\"", apostrophe: "'"),
                html(part, quote: "&quot;", apostrophe: "&#x27;"),
            ])
        }
        return forms.filter { $0.count >= Redactor.minimumBytes }
    }

    private static func base64(_ bytes: [UInt8]) -> [[UInt8]] {
        let plain = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        return [plain, url].flatMap { alphabet in
            (0..<3).map { offset -> [UInt8] in
                // What stands before shares the first character with us, what stands after may share the last.
                let shifted = [UInt8](repeating: 0, count: offset) + bytes
                var digits: [UInt8] = []
                for bit in stride(from: 0, to: shifted.count * 8, by: 6) where bit + 6 <= shifted.count * 8 {
                    let pair =
                        UInt16(shifted[bit / 8]) << 8 | (bit / 8 + 1 < shifted.count ? UInt16(shifted[bit / 8 + 1]) : 0)
                    digits.append(alphabet[Int(pair >> (10 - UInt16(bit % 8))) & 63])
                }
                return Array(digits.dropFirst([0, 2, 3][offset]))
            }
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> [[UInt8]] {
        ["0123456789abcdef", "0123456789ABCDEF"].map { text in
            let digits = Array(text.utf8)
            return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        }
    }

    private static func percent(_ bytes: [UInt8], _ digits: String, spaceIsPlus: Bool) -> [UInt8] {
        let digits = Array(digits.utf8)
        return bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: [byte]
            case 0x20 where spaceIsPlus: [0x2B]
            default: [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }

    private static func json(_ bytes: [UInt8], escapesSlash: Bool) -> [UInt8] {
        let text = JSONValue.string(String(decoding: bytes, as: UTF8.self)).encoded().dropFirst().dropLast()
        return escapesSlash ? text.flatMap { $0 == 0x2F ? [0x5C, 0x2F] : [$0] } : Array(text)
    }

    private static func html(_ bytes: [UInt8], quote: String, apostrophe: String) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x26: Array("&amp;".utf8)
            case 0x3C: Array("&lt;".utf8)
            case 0x3E: Array("&gt;".utf8)
            case 0x22: Array(quote.utf8)
            case 0x27: Array(apostrophe.utf8)
            default: [byte]
            }
        }
    }
}
