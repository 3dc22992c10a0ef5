/// The address of a value within a JSON document (RFC 6901), as in `/stages/0/name`.
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    /// The unescaped reference tokens from the root; an array index is its decimal digits.
    public var tokens: [String]

    /// The whole document.
    public static let root = JSONPointer(tokens: [])

    /// - Parameter tokens: the unescaped reference tokens from the root.
    public init(tokens: [String]) {
        self.tokens = tokens
    }

    /// Reads the string form; nil if it is neither empty nor starts with `/`, or has a `~` without 0 or 1 after it.
    public init?(_ text: String) {
        guard !text.isEmpty else {
            self.init(tokens: [])
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var tokens: [String] = []
        // Scalars, not characters: a slash with a combining mark after it is still a slash.
        for part in text.unicodeScalars.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            var token = ""
            var escaped = false
            for character in part {
                switch (escaped, character) {
                case (true, "0"): token.unicodeScalars.append("~")
                case (true, "1"): token.unicodeScalars.append("/")
                case (true, _): return nil
                case (false, "~"): break
                case (false, _): token.unicodeScalars.append(character)
                }
                escaped = !escaped && character == "~"
            }
            guard !escaped else { return nil }
            tokens.append(token)
        }
        self.init(tokens: tokens)
    }

    /// Whether this addresses the whole document.
    public var isRoot: Bool { tokens.isEmpty }

    /// The address of a member of the object at this address.
    public func appending(_ key: String) -> JSONPointer {
        JSONPointer(tokens: tokens + [key])
    }

    /// The address of an element of the array at this address.
    public func appending(_ index: Int) -> JSONPointer {
        JSONPointer(tokens: tokens + [String(index)])
    }

    /// The string form, with `~` and `/` escaped; empty for the whole document.
    public var description: String {
        var text = ""
        for token in tokens {
            text += "/"
            for character in token.unicodeScalars {
                switch character {
                case "~": text += "~0"
                case "/": text += "~1"
                default: text.unicodeScalars.append(character)
                }
            }
        }
        return text
    }
}

extension JSONValue {
    /// The value at `pointer`, or nil if there is none.
    public subscript(pointer: JSONPointer) -> JSONValue? {
        var value = self
        for token in pointer.tokens {
            switch value {
            case .object(let object):
                guard let member = object[token] else { return nil }
                value = member
            case .array(let elements):
                guard let index = Int(token), String(index) == token, elements.indices.contains(index) else {
                    return nil
                }
                value = elements[index]
            case .null, .bool, .integer, .number, .string:
                return nil
            }
        }
        return value
    }
}
