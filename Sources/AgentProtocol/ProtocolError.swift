public import JSONTools

/// Why a message is refused.
public struct ProtocolError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of thing is wrong; the raw value is stable and fit for programs.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// Not JSON, not UTF-8, a member given twice, or a number beyond a double.
        case invalidJSON = "INVALID_JSON"
        /// Nested deeper than ``ProtocolLimits/depth``.
        case tooDeep = "TOO_DEEP"
        /// Larger than ``ProtocolLimits/messageBytes``.
        case tooLarge = "TOO_LARGE"
        /// One part is larger than its limit; never worth a retry.
        case payloadTooLarge = "PAYLOAD_TOO_LARGE"
        /// A required field is absent or null.
        case missingField = "MISSING_FIELD"
        /// A field has another JSON type than the contract says.
        case wrongType = "WRONG_TYPE"
        /// A field has the right type and a value that is not allowed.
        case invalidValue = "INVALID_VALUE"
        /// The message is of a major version that is not understood.
        case unsupportedVersion = "UNSUPPORTED_VERSION"
        /// The `kind` is not known in this version.
        case unknownKind = "UNKNOWN_KIND"
    }

    /// The longest message, in bytes of UTF-8; what is longer is cut.
    public static let maxMessageBytes = 2000

    /// What kind of thing is wrong.
    public var code: Code
    /// What was found, what was expected, and what to do.
    public var message: String
    /// The field in question; the whole message if it isn't JSON at all.
    public var pointer: JSONPointer

    /// - Parameters:
    ///   - code: what kind of thing is wrong.
    ///   - message: what was found, what was expected, and what to do.
    ///   - pointer: the field in question.
    public init(code: Code, message: String, pointer: JSONPointer = .root) {
        self.code = code
        // What it repeats of the message may be as long as that: one character has any number of marks.
        self.message = message.cut(toBytes: Self.maxMessageBytes)
        self.pointer = pointer
    }

    /// One line for people.
    public var description: String {
        pointer.isRoot ? "\(code.rawValue): \(message)" : "\(code.rawValue) at \(pointer): \(message)"
    }

    /// The same error as seen from the object that has this value as its member `key`.
    func enclosed(in key: String) -> ProtocolError {
        ProtocolError(code: code, message: message, pointer: JSONPointer(tokens: [key] + pointer.tokens))
    }

    init(_ error: JSONError) {
        let code: Code =
            switch error.code {
            case .invalidJSON, .invalidUTF8, .duplicateKey, .numberOutOfRange: .invalidJSON
            case .tooDeep: .tooDeep
            case .tooLarge: .tooLarge
            }
        self.init(
            code: code, message: "\(error.message) (line \(error.line), column \(error.column))",
            pointer: error.pointer)
    }
}
