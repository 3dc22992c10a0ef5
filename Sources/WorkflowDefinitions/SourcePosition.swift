/// A place in a file. Line and column count from 1, columns in Unicode scalars; 0 means that the place is not known.
public struct SourcePosition: Sendable, Hashable, Comparable {
    /// The line, from 1.
    public var line: Int
    /// The column, from 1.
    public var column: Int

    /// For what has no place of its own, such as a value that did not come from a file.
    public static let unknown = SourcePosition(line: 0, column: 0)

    /// Makes a place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// The order in the file.
    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}
