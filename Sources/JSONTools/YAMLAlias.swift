/// An alias in a YAML text, to be found before a YAML library sees the text: a few nested aliases can stand for more values
/// than there is memory, and libraries copy, compare and hash what they stand for.
package struct YAMLAlias: Sendable, Hashable {
    package var name: String
    /// From 1.
    package var line: Int
    /// In Unicode scalars, from 1.
    package var column: Int

    /// The first `*name` for which there is also an `&name`; nil if the text is free of them.
    ///
    /// Text that only looks like an anchor with its alias is found as well; that is hardly ever met.
    package static func first(in text: String) -> YAMLAlias? {
        let bytes = Array(text.utf8)
        let anchors = Set(names(after: UInt8(ascii: "&"), in: bytes).map(\.name))
        guard !anchors.isEmpty,
            let alias = names(after: UInt8(ascii: "*"), in: bytes).first(where: { anchors.contains($0.name) })
        else { return nil }
        let before = bytes[..<alias.offset]
        let lineStart = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        let column = 1 + bytes[lineStart..<alias.offset].count { $0 & 0xc0 != 0x80 }
        return YAMLAlias(name: alias.name, line: 1 + before.count { $0 == 0x0a }, column: column)
    }

    /// The names that follow a sign which itself follows no name: all that can be anchors or aliases.
    private static func names(after sign: UInt8, in bytes: [UInt8]) -> [(name: String, offset: Int)] {
        var names: [(name: String, offset: Int)] = []
        for (offset, byte) in bytes.enumerated() where byte == sign {
            guard offset == 0 || !isNamePart(bytes[offset - 1]) else { continue }
            let name = bytes[(offset + 1)...].prefix(while: isNamePart)
            if !name.isEmpty { names.append((String(decoding: name, as: UTF8.self), offset)) }
        }
        return names
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
