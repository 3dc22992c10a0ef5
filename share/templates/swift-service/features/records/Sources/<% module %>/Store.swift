import Foundation

/// Which records of a list are wanted, and in which order.
struct Query: Sendable {
    var search = ""
    var sort = "id"
    var isDescending = false
    var offset = 0
    var limit = 20
}

/// Records in files, one file for each model. A file is replaced as a whole, so that it is never half written, and
/// under a lock, so that several processes may share the folder.
actor Store {
    /// What a file holds.
    private struct Table: Codable {
        var nextID = 1
        var records: [Int: [String: JSON]] = [:]
    }

    private let folder: URL
    /// Tables as they were read last, with what their files looked like then.
    private var tables: [String: (table: Table, mark: Mark?)] = [:]

    init(folder: String) { self.folder = URL(filePath: folder) }

    /// The wanted records, and how many there are of all pages together.
    func list(_ model: Model, _ query: Query) throws -> (items: [[String: JSON]], total: Int) {
        let words = query.search.lowercased().split(whereSeparator: \.isWhitespace)
        var found = try read(model).records.filter { _, values in
            guard !words.isEmpty else { return true }
            let text = model.searchText(values)
            return words.allSatisfy { text.contains($0) }
        }.map { Self.record(model, $0.key, $0.value) }
        found.sort { Self.isBefore($0, $1, query) }
        return (Array(found.dropFirst(query.offset).prefix(query.limit)), found.count)
    }

    /// One record; nil when there is none.
    func get(_ model: Model, _ id: Int) throws -> [String: JSON]? {
        try read(model).records[id].map { Self.record(model, id, $0) }
    }

    /// Keeps a new record.
    func create(_ model: Model, _ values: [String: JSON]) throws -> [String: JSON] {
        try change(model) { table in
            let now = JSON.text(Moment.now())
            let id = table.nextID
            table.nextID += 1
            table.records[id] = values.merging(["created_at": now, "updated_at": now]) { $1 }
            return Self.record(model, id, table.records[id] ?? [:])
        }
    }

    /// Changes some values of a record; nil when there is none.
    func update(_ model: Model, _ id: Int, _ values: [String: JSON]) throws -> [String: JSON]? {
        try change(model) { table in
            guard let old = table.records[id] else { return nil }
            let changed = old.merging(values) { $1 }.merging(["updated_at": .text(Moment.now())]) { $1 }
            table.records[id] = changed
            return Self.record(model, id, changed)
        }
    }

    /// Deletes a record.
    ///
    /// - Returns: Whether there was one.
    func remove(_ model: Model, _ id: Int) throws -> Bool {
        try change(model) { $0.records.removeValue(forKey: id) != nil }
    }

    /// A record as clients see it, with every field of its model.
    private static func record(_ model: Model, _ id: Int, _ values: [String: JSON]) -> [String: JSON] {
        var record: [String: JSON] = ["id": .number(Double(id))]
        for field in model.fields {
            record[field.name] = values[field.name] ?? (field.type == .bool ? .bool(false) : .null)
        }
        for name in ["created_at", "updated_at"] { record[name] = values[name] ?? .null }
        return record
    }

    /// Nothing comes last, whichever the direction; what is equal goes by age.
    private static func isBefore(_ left: [String: JSON], _ right: [String: JSON], _ query: Query) -> Bool {
        let (first, second) = (left[query.sort] ?? .null, right[query.sort] ?? .null)
        if (first == .null) != (second == .null) { return second == .null }
        let order = compare(first, second)
        if order != .orderedSame { return (order == .orderedAscending) != query.isDescending }
        return (compare(left["id"] ?? .null, right["id"] ?? .null) == .orderedAscending) != query.isDescending
    }

    private static func compare(_ left: JSON, _ right: JSON) -> ComparisonResult {
        switch (left, right) {
        case (.number(let left), .number(let right)):
            left == right ? .orderedSame : left < right ? .orderedAscending : .orderedDescending
        case (.text(let left), .text(let right)): compare(left.lowercased(), right.lowercased())
        case (.bool(let left), .bool(let right)):
            left == right ? .orderedSame : right ? .orderedAscending : .orderedDescending
        default: .orderedSame
        }
    }

    private static func compare(_ left: String, _ right: String) -> ComparisonResult {
        left == right ? .orderedSame : left < right ? .orderedAscending : .orderedDescending
    }
}

// MARK: - Files

extension Store {
    /// Enough of a file to tell a new one from the one that was read.
    private struct Mark: Equatable {
        var inode: UInt64
        var size: UInt64
        var modified: Date

        init?(_ file: URL) {
            guard let found = try? FileManager.default.attributesOfItem(atPath: file.path()),
                let inode = found[.systemFileNumber] as? UInt64, let size = found[.size] as? UInt64,
                let modified = found[.modificationDate] as? Date
            else { return nil }
            self.inode = inode
            self.size = size
            self.modified = modified
        }
    }

    private func file(of model: Model) -> URL { folder.appending(path: model.plural + ".json") }

    private func read(_ model: Model) throws -> Table {
        let file = file(of: model)
        let mark = Mark(file)
        if let known = tables[model.plural], known.mark == mark { return known.table }
        let table = mark == nil ? Table() : try JSONDecoder().decode(Table.self, from: Data(contentsOf: file))
        tables[model.plural] = (table, mark)
        return table
    }

    private func change<Value>(_ model: Model, _ body: (inout Table) throws -> Value) throws -> Value {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let lock = open(folder.appending(path: ".lock").path(), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX) == 0 else { throw CocoaError(.fileWriteUnknown) }
        defer { close(lock) }
        var table = try read(model)
        let value = try body(&table)
        let file = file(of: model)
        try JSONEncoder().encode(table).write(to: file, options: .atomic)
        tables[model.plural] = (table, Mark(file))
        return value
    }
}
