public import JSONTools

/// One thing that is wrong with a definition.
public struct DefinitionFault: Sendable, Hashable, CustomStringConvertible {
    /// Where it is. Unknown if the definition did not come from a text.
    public let position: SourcePosition
    /// The value that it is about.
    public let pointer: JSONPointer
    /// What was found, what was expected, and what to do about it.
    public let message: String

    /// The line, from 1; 0 if unknown.
    public var line: Int { position.line }
    /// The column in Unicode scalars, from 1; 0 if unknown.
    public var column: Int { position.column }

    /// The longest message, in bytes of UTF-8.
    public static let maxMessageBytes = 2000

    /// Makes a fault; a longer message than ``maxMessageBytes`` is cut, as names may be of any length.
    public init(position: SourcePosition, pointer: JSONPointer, message: String) {
        self.position = position
        self.pointer = pointer
        self.message = message.cut(toBytes: Self.maxMessageBytes)
    }

    /// Place and message.
    public var description: String {
        position == .unknown ? "\(pointer): \(message)" : "\(line):\(column): \(message)"
    }
}

/// All that is wrong with a definition.
public struct DefinitionErrors: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, as it was named to the reader.
    public let fileName: String
    /// What is wrong, in the order of the file; never empty.
    public let faults: [DefinitionFault]

    /// Makes the error from faults in any order.
    public init(fileName: String, faults: [DefinitionFault]) {
        self.fileName = fileName
        self.faults = faults.enumerated()
            .sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
            .map(\.element)
    }

    /// One line a fault, as compilers print them: `file:line:column: message`.
    public var description: String {
        faults.map { "\(fileName):\($0)" }.joined(separator: "\n")
    }
}
