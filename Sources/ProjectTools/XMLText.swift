import JSONTools

/// XML that somebody else wrote, before FoundationXML sees it: that one ends the process where it is told of something
/// without a text, such as an instruction without data or a notation without an identifier.
public enum XMLText {
    /// Why a text is not given to the parser.
    public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        /// What was found and what was expected.
        public var description: String
    }

    /// The same text, harmless: instructions such as `<?x?>` have got a space after their name.
    ///
    /// - Parameter bytes: a document of any size.
    /// - Throws: ``Refusal`` for what is no UTF-8, says that it is something else, or declares entities, attributes or
    ///   notations, which reports of tools don't. Entities could hold what isn't to be seen here.
    public static func harmless(_ bytes: [UInt8]) throws(Refusal) -> [UInt8] {
        // The parser would find UTF-16 by its NULs.
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else {
            throw Refusal(description: "it is not UTF-8")
        }
        if let encoding = declaredEncoding(of: bytes), !knownEncodings.contains(encoding) {
            throw Refusal(
                description: "found the encoding \(encoding.cut(toBytes: 60).debugDescription), expected UTF-8")
        }
        if bytes.firstRange(of: Array("<!DOCTYPE".utf8)) != nil {
            for declaration in ["<!ENTITY", "<!ATTLIST", "<!NOTATION"]
            where bytes.firstRange(of: Array(declaration.utf8)) != nil {
                throw Refusal(description: "found \(declaration), which is not supported in a report")
            }
        }
        return withSpacedInstructions(bytes)
    }

    /// Of those, every byte below 0x80 is what it is in UTF-8.
    private static let knownEncodings: Set<String> = [
        "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252",
    ]

    /// What the first line says, in lower case.
    private static func declaredEncoding(of bytes: [UInt8]) -> String? {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        let begin = bytes[start...]
        guard begin.starts(with: Array("<?xml".utf8)), let end = begin.firstRange(of: Array("?>".utf8)) else {
            return nil
        }
        let declaration = begin[..<end.lowerBound]
        guard let word = declaration.firstRange(of: Array("encoding".utf8)) else { return nil }
        let quotes: (UInt8) -> Bool = { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
        let value = declaration[word.upperBound...].drop { !quotes($0) }.dropFirst().prefix { !quotes($0) }
        return String(decoding: value, as: UTF8.self).lowercased()
    }

    private static func withSpacedInstructions(_ bytes: [UInt8]) -> [UInt8] {
        let (open, mark, close) = (UInt8(ascii: "<"), UInt8(ascii: "?"), UInt8(ascii: ">"))
        var places: [Int] = []
        var index = 0
        while index + 1 < bytes.count {
            guard bytes[index] == open, bytes[index + 1] == mark else {
                index += 1
                continue
            }
            // The name goes to the next sign that can't be in one.
            index += 2
            while index < bytes.count, bytes[index] > 0x20, bytes[index] != mark, bytes[index] != open { index += 1 }
            if index + 1 < bytes.count, bytes[index] == mark, bytes[index + 1] == close { places.append(index) }
        }
        guard !places.isEmpty else { return bytes }
        var spaced: [UInt8] = []
        spaced.reserveCapacity(bytes.count + places.count)
        var begin = 0
        for place in places {
            spaced += bytes[begin..<place]
            spaced.append(0x20)
            begin = place
        }
        return spaced + bytes[begin...]
    }
}
