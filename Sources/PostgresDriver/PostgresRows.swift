/// The names and types of a result's columns; shared by all results of a prepared statement.
final class PostgresColumns: Sendable {
    let names: [String]
    let types: [PostgresType]

    init(names: [String], types: [PostgresType]) {
        self.names = names
        self.types = types
    }

    static let none = PostgresColumns(names: [], types: [])
}

/// The values of a result: all bytes in one array, and where each value lies.
final class RowStorage: Sendable {
    struct Cell: Sendable {
        var offset: UInt32
        /// -1 for NULL.
        var length: Int32
    }

    let columns: PostgresColumns
    let rowCount: Int
    let bytes: [UInt8]
    /// Row by row.
    let cells: [Cell]

    init(columns: PostgresColumns, rowCount: Int, bytes: [UInt8], cells: [Cell]) {
        self.columns = columns
        self.rowCount = rowCount
        self.bytes = bytes
        self.cells = cells
    }

    static let none = RowStorage(columns: .none, rowCount: 0, bytes: [], cells: [])
}

/// What a statement returned.
public struct PostgresRows: Sendable, RandomAccessCollection {
    let storage: RowStorage
    /// The server's command tag, such as `INSERT 0 100`, `SELECT 1` or `COMMIT`.
    public let commandTag: String

    init(storage: RowStorage, commandTag: String) {
        self.storage = storage
        self.commandTag = commandTag
    }

    /// The number of rows that the statement returned, inserted, updated or deleted: the last word of the tag.
    public var affectedRows: Int {
        var number = 0
        var factor = 1
        for byte in commandTag.utf8.reversed() {
            guard (0x30...0x39).contains(byte) else { break }
            number += Int(byte - 0x30) * factor
            factor *= 10
        }
        return number
    }

    /// The names of the columns.
    public var columnNames: [String] { storage.columns.names }

    /// The index of a column, or nil if there is none of that name. The first of several.
    public func columnIndex(named name: String) -> Int? { storage.columns.names.firstIndex(of: name) }

    /// 0
    public var startIndex: Int { 0 }

    /// The number of rows.
    public var endIndex: Int { storage.rowCount }

    /// The row at an index.
    public subscript(position: Int) -> PostgresRow {
        precondition(position >= 0 && position < storage.rowCount, "Row \(position) of \(storage.rowCount).")
        return PostgresRow(storage: storage, index: position)
    }

    /// The one row.
    ///
    /// - Throws: ``PostgresError/Code/decoding`` if there are more or none.
    public func only() throws(PostgresError) -> PostgresRow {
        guard count == 1 else {
            throw PostgresError(.decoding, "Found \(count) rows, expected one.", outcome: .completed)
        }
        return self[0]
    }
}

/// One row of a result. Columns are counted from 0.
public struct PostgresRow: Sendable {
    let storage: RowStorage
    let index: Int

    /// The number of columns.
    public var columnCount: Int { storage.columns.types.count }

    /// A value.
    ///
    /// - Throws: ``PostgresError/Code/decoding``, naming column, found and expected, for NULL and other types.
    public func value<Value: PostgresValue>(
        _ column: Int, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard let value = try optional(column, as: type) else {
            throw mismatch(column, found: "NULL", expected: Value.expectation)
        }
        return value
    }

    /// A value, or nil for NULL.
    ///
    /// - Throws: ``PostgresError/Code/decoding`` for other types.
    public func optional<Value: PostgresValue>(
        _ column: Int, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value? {
        let cell = try cell(column)
        if cell.length < 0 { return nil }
        let found = storage.columns.types[column]
        let value = withBytes(cell) { Value(wire: $0, oid: found.oid) }
        guard let value else { throw mismatch(column, found: found.description, expected: Value.expectation) }
        return value
    }

    /// An array without NULLs.
    ///
    /// - Throws: ``PostgresError/Code/decoding`` for NULL, for an element that is NULL, and for other types.
    public func array<Value: PostgresValue>(
        _ column: Int, of type: Value.Type = Value.self
    ) throws(PostgresError) -> [Value] {
        guard let values = try optionalArray(column, of: type) else {
            throw mismatch(column, found: "NULL", expected: "array of \(Value.expectation)")
        }
        return values
    }

    /// An array without NULLs, or nil for NULL.
    ///
    /// - Throws: ``PostgresError/Code/decoding`` for an element that is NULL, and for other types.
    public func optionalArray<Value: PostgresValue>(
        _ column: Int, of type: Value.Type = Value.self
    ) throws(PostgresError) -> [Value]? {
        try decodeArray(column) { (value: Value?) in value }
    }

    /// An array whose elements may be NULL.
    ///
    /// - Throws: ``PostgresError/Code/decoding`` for NULL and for other types.
    public func nullableArray<Value: PostgresValue>(
        _ column: Int, of type: Value.Type = Value.self
    ) throws(PostgresError) -> [Value?] {
        guard let values = try decodeArray(column, { (value: Value?) in .some(value) }) else {
            throw mismatch(column, found: "NULL", expected: "array of \(Value.expectation)")
        }
        return values
    }

    /// True if the value is NULL.
    ///
    /// - Throws: ``PostgresError/Code/decoding`` if there is no such column.
    public func isNull(_ column: Int) throws(PostgresError) -> Bool { try cell(column).length < 0 }

    private func decodeArray<Value: PostgresValue, Element>(
        _ column: Int, _ admit: (Value?) -> Element?
    ) throws(PostgresError) -> [Element]? {
        let cell = try cell(column)
        if cell.length < 0 { return nil }
        let isArray = storage.columns.types[column].isArray
        let result: ArrayDecoding<Element> = withBytes(cell) { isArray ? decodeElements($0, admit) : .mismatch }
        switch result {
        case .elements(let elements): return elements
        case .nullElement:
            throw mismatch(column, found: "an array with NULLs", expected: "array of \(Value.expectation)")
        case .mismatch:
            let found = storage.columns.types[column].description
            throw mismatch(column, found: found, expected: "array of \(Value.expectation)")
        }
    }

    private enum ArrayDecoding<Element> {
        case elements([Element])
        case nullElement
        case mismatch
    }

    /// The layout is that of `array_send`: see ``ParameterBuffer``.
    private func decodeElements<Value: PostgresValue, Element>(
        _ bytes: UnsafeRawBufferPointer, _ admit: (Value?) -> Element?
    ) -> ArrayDecoding<Element> {
        guard bytes.count >= 12 else { return .mismatch }
        let dimensions = bytes.bigEndian(Int32.self, at: 0)
        let oid = bytes.bigEndian(UInt32.self, at: 8)
        if dimensions == 0 { return Value.accepts(oid: oid) ? .elements([]) : .mismatch }
        guard dimensions == 1, bytes.count >= 20 else { return .mismatch }
        let count = Int(bytes.bigEndian(Int32.self, at: 12))
        guard count >= 0, count <= bytes.count / 4 else { return .mismatch }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        var position = 20
        for _ in 0..<count {
            guard position + 4 <= bytes.count else { return .mismatch }
            let length = Int(bytes.bigEndian(Int32.self, at: position))
            position += 4
            var value: Value?
            if length >= 0 {
                guard position + length <= bytes.count else { return .mismatch }
                value = Value(wire: UnsafeRawBufferPointer(rebasing: bytes[position..<position + length]), oid: oid)
                guard value != nil else { return .mismatch }
                position += length
            }
            guard let element = admit(value) else { return .nullElement }
            elements.append(element)
        }
        return .elements(elements)
    }

    private func cell(_ column: Int) throws(PostgresError) -> RowStorage.Cell {
        let width = storage.columns.types.count
        guard column >= 0, column < width else {
            throw PostgresError(
                .decoding, "Column \(column) was asked for; the result has \(width).", outcome: .completed)
        }
        return storage.cells[index * width + column]
    }

    private func withBytes<Value>(_ cell: RowStorage.Cell, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        storage.bytes.withUnsafeBytes { bytes in
            let start = Int(cell.offset)
            return body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(cell.length)]))
        }
    }

    private func mismatch(_ column: Int, found: String, expected: String) -> PostgresError {
        var error = PostgresError(
            .decoding,
            "Column \(column) (\(storage.columns.names[column])), row \(index): found \(found), expected \(expected).",
            outcome: .completed)
        error.column = storage.columns.names[column]
        return error
    }
}
