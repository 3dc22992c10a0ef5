internal import CLibPQ

/// Collects the rows of one result.
struct RowsBuilder {
    private(set) var columns: PostgresColumns?
    private var bytes: [UInt8] = []
    private var cells: [RowStorage.Cell] = []
    private var rowCount = 0
    private var isDiscarding = false

    /// The memory that the values take so far.
    var byteCount: Int { bytes.count + cells.count * MemoryLayout<RowStorage.Cell>.stride }

    /// Takes the rows of a result over: one in single-row mode, none in its last result.
    ///
    /// - Parameter known: the columns of this prepared statement, once seen.
    mutating func append(_ result: OpaquePointer, columns known: PostgresColumns?) {
        let width = PQnfields(result)
        if columns == nil { columns = known ?? Self.columns(of: result, width: width) }
        guard !isDiscarding else { return }
        let height = PQntuples(result)
        for row in 0..<height {
            for column in 0..<width {
                let offset = UInt32(bytes.count)
                guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                    cells.append(RowStorage.Cell(offset: offset, length: -1))
                    continue
                }
                let length = PQgetlength(result, row, column)
                bytes.append(contentsOf: UnsafeRawBufferPointer(start: value, count: Int(length)))
                cells.append(RowStorage.Cell(offset: offset, length: length))
            }
        }
        rowCount += Int(height)
    }

    /// Gives back the memory and ignores what comes.
    mutating func discard() {
        isDiscarding = true
        bytes = []
        cells = []
        rowCount = 0
    }

    /// The result; the builder is empty again.
    mutating func finish(commandTag: String) -> PostgresRows {
        defer { self = RowsBuilder() }
        // A statement without columns can have rows all the same: SELECT FROM a table.
        guard let columns, rowCount > 0 || !columns.types.isEmpty else {
            return PostgresRows(storage: .none, commandTag: commandTag)
        }
        return PostgresRows(
            storage: RowStorage(columns: columns, rowCount: rowCount, bytes: bytes, cells: cells),
            commandTag: commandTag)
    }

    private static func columns(of result: OpaquePointer, width: Int32) -> PostgresColumns {
        guard width > 0 else { return .none }
        return PostgresColumns(
            names: (0..<width).map { PQfname(result, $0).map { String(cString: $0) } ?? "" },
            types: (0..<width).map { PostgresType(oid: PQftype(result, $0)) })
    }
}
