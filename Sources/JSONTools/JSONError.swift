/// Why a document is not JSON that we accept, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of thing is wrong; the raw value is stable and fit for programs.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The text breaks the grammar of RFC 8259.
        case invalidJSON = "INVALID_JSON"
        /// The text is not UTF-8.
        case invalidUTF8 = "INVALID_UTF8"
        /// An object names the same member twice (I-JSON, RFC 7493, forbids it: readers would disagree on the value).
        case duplicateKey = "DUPLICATE_KEY"
        /// A number lies beyond the range of a double.
        case numberOutOfRange = "NUMBER_OUT_OF_RANGE"
        /// Nested deeper than ``JSONLimits/depth``.
        case tooDeep = "TOO_DEEP"
        /// Larger than ``JSONLimits/maxBytes``.
        case tooLarge = "TOO_LARGE"
    }

    /// What kind of thing is wrong.
    public var code: Code
    /// Offset of the offending byte, from 0.
    public var offset: Int
    /// Line of the offending byte, from 1.
    public var line: Int
    /// Column of the offending byte within its line, in bytes, from 1.
    public var column: Int
    /// The value that was being read.
    public var pointer: JSONPointer
    /// What was found and what was expected.
    public var message: String

    /// - Parameters:
    ///   - code: what kind of thing is wrong.
    ///   - offset: offset of the offending byte, from 0.
    ///   - line: line of it, from 1.
    ///   - column: column of it in bytes, from 1.
    ///   - pointer: the value that was being read.
    ///   - message: what was found and what was expected.
    public init(code: Code, offset: Int, line: Int, column: Int, pointer: JSONPointer, message: String) {
        self.code = code
        self.offset = offset
        self.line = line
        self.column = column
        self.pointer = pointer
        self.message = message
    }

    /// One line for people: place, pointer and message.
    public var description: String {
        let place = pointer.isRoot ? "" : " at \(pointer)"
        return "\(code.rawValue) in line \(line), column \(column)\(place): \(message)"
    }
}
