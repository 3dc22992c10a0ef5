/// The text of one SQL statement.
///
/// Made from a literal, it cannot hold values by accident: string interpolation does not compile, so what varies goes into
/// parameters. Literals are compared by their address, so finding the prepared statement costs nothing.
public struct SQLText: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    private enum Storage: Sendable {
        case literal(StaticString)
        case text(String)
    }

    private let storage: Storage

    /// Takes a literal.
    public init(stringLiteral value: StaticString) {
        if value.hasPointerRepresentation {
            storage = .literal(value)
        } else {
            storage = .text(value.description)
        }
    }

    /// Takes text that was put together by the program. It must never hold values from outside.
    public init(unchecked text: String) {
        storage = .text(text)
    }

    /// The text.
    public var description: String {
        switch storage {
        case .literal(let literal): literal.description
        case .text(let text): text
        }
    }

    /// Compares the addresses of literals and the characters of other texts.
    public static func == (left: SQLText, right: SQLText) -> Bool {
        switch (left.storage, right.storage) {
        case (.literal(let left), .literal(let right)):
            left.utf8Start == right.utf8Start && left.utf8CodeUnitCount == right.utf8CodeUnitCount
        case (.text(let left), .text(let right)): left == right
        case (.literal, .text), (.text, .literal): false
        }
    }

    /// Feeds the address of a literal, or the characters of another text.
    public func hash(into hasher: inout Hasher) {
        switch storage {
        case .literal(let literal): hasher.combine(literal.utf8Start)
        case .text(let text): hasher.combine(text)
        }
    }

    /// Calls `body` with the text, ended by a NUL.
    func withCString<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        switch storage {
        case .literal(let literal):
            // `utf8Start` is documented to be NUL-terminated; UInt8 and CChar have the same layout.
            literal.utf8Start.withMemoryRebound(to: CChar.self, capacity: literal.utf8CodeUnitCount + 1, body)
        case .text(let text): text.withCString(body)
        }
    }

    /// True if its first word is COMMIT or END.
    var endsTransaction: Bool {
        let word = description.utf8.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
            .prefix { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }
            .map { $0 | 0x20 }
        return word.elementsEqual("commit".utf8) || word.elementsEqual("end".utf8)
    }
}

/// One statement with its parameters.
public struct PostgresStatement: Sendable {
    /// The text, with parameters as `$1`, `$2`, ….
    public var sql: SQLText
    /// The values of the parameters, `$1` first.
    public var parameters: [PostgresParameter]

    /// Makes a statement.
    public init(_ sql: SQLText, _ parameters: [PostgresParameter] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}
