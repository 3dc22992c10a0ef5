/// A five-character SQLSTATE, which says what kind of error the server met.
///
/// Classes and codes: PostgreSQL documentation, appendix A "PostgreSQL Error Codes".
public struct SQLState: Sendable, Hashable, CustomStringConvertible {
    /// The five characters, one a byte, first character highest.
    private let packed: UInt64

    /// Reads a code, such as `40001`.
    ///
    /// - Returns: nil unless it is five ASCII digits and upper-case letters.
    public init?(_ code: some StringProtocol) {
        var packed: UInt64 = 0
        var count = 0
        for byte in code.utf8 {
            guard (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) else { return nil }
            packed = packed << 8 | UInt64(byte)
            count += 1
        }
        guard count == 5 else { return nil }
        self.packed = packed
    }

    private init(known code: StaticString) {
        var packed: UInt64 = 0
        code.withUTF8Buffer { for byte in $0 { packed = packed << 8 | UInt64(byte) } }
        self.packed = packed
    }

    /// The five characters.
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    /// The first two characters, such as `23` for the integrity constraints.
    public var classCode: String { String(decoding: bytes.prefix(2), as: UTF8.self) }

    /// The same work, done again from its start, may succeed: 40001 and 40P01.
    public var isRetryable: Bool { self == .serializationFailure || self == .deadlockDetected }

    /// The data is at fault, so the same work fails again: classes 21, 22, 23 and 54.
    public var isDataFault: Bool {
        switch classNumber {
        case 0x3231, 0x3232, 0x3233, 0x3534: true
        default: false
        }
    }

    /// The connection or the server is gone or going: class 08, and 57P01 to 57P05.
    public var isConnectionFault: Bool {
        classNumber == 0x3038 || (packed >> 8 == 0x3537_5030 && packed & 0xFF != 0x30)
    }

    private var classNumber: UInt64 { packed >> 24 }

    private var bytes: [UInt8] { (0..<5).map { UInt8(truncatingIfNeeded: packed >> (8 * (4 - UInt64($0)))) } }

    /// 21000
    public static let cardinalityViolation = SQLState(known: "21000")
    /// 22021: text that isn't valid UTF-8, or that holds a NUL.
    public static let characterNotInRepertoire = SQLState(known: "22021")
    /// 22003
    public static let numericValueOutOfRange = SQLState(known: "22003")
    /// 22P02
    public static let invalidTextRepresentation = SQLState(known: "22P02")
    /// 22P05: for jsonb, `\u0000`.
    public static let untranslatableCharacter = SQLState(known: "22P05")
    /// 23502
    public static let notNullViolation = SQLState(known: "23502")
    /// 23503
    public static let foreignKeyViolation = SQLState(known: "23503")
    /// 23505
    public static let uniqueViolation = SQLState(known: "23505")
    /// 23514
    public static let checkViolation = SQLState(known: "23514")
    /// 25P02: an earlier statement of the transaction failed.
    public static let inFailedTransaction = SQLState(known: "25P02")
    /// 26000: the prepared statement does not exist.
    public static let invalidStatementName = SQLState(known: "26000")
    /// 28P01
    public static let invalidPassword = SQLState(known: "28P01")
    /// 0A000: also a cached plan whose result type changed.
    public static let featureNotSupported = SQLState(known: "0A000")
    /// 3D000: the database does not exist.
    public static let invalidCatalogName = SQLState(known: "3D000")
    /// 40001
    public static let serializationFailure = SQLState(known: "40001")
    /// 40P01
    public static let deadlockDetected = SQLState(known: "40P01")
    /// 42601
    public static let syntaxError = SQLState(known: "42601")
    /// 42P01
    public static let undefinedTable = SQLState(known: "42P01")
    /// 53300
    public static let tooManyConnections = SQLState(known: "53300")
    /// 55P03
    public static let lockNotAvailable = SQLState(known: "55P03")
    /// 57014: cancelled by request, or by the statement timeout.
    public static let queryCanceled = SQLState(known: "57014")
    /// 57P01: the server shuts down, or someone terminated the backend.
    public static let adminShutdown = SQLState(known: "57P01")
    /// 57P02
    public static let crashShutdown = SQLState(known: "57P02")
    /// 57P03: the server starts up or shuts down.
    public static let cannotConnectNow = SQLState(known: "57P03")
}
