import Hummingbird
import JSONTools
import WorkflowCore
import WorkflowStorage

/// The query of `GET /workflows`.
enum WorkflowListRequest {
    /// Most items of a page.
    static let maxLimit: Int64 = 200
    /// The statuses to filter by.
    static let statuses = [
        "initiated", "running", "awaiting_clarification", "waiting_for_agent", "paused", "stopping", "completed",
        "failed", "cancelled",
    ]

    /// Reads it.
    ///
    /// - Throws: 400 naming each fault.
    static func query(from request: Request, tenant: String) throws(Problem) -> WorkflowQuery {
        var reader = QueryReader(
            request, allowed: ["status", "type", "priority", "stage", "q", "limit", "cursor", "sort"])
        var query = WorkflowQuery(tenant: tenant)
        query.status = reader.word("status", of: statuses)
        query.type = reader.text("type")
        query.priority = reader.word("priority", of: WorkflowPriority.allCases.map(\.rawValue))
        query.stage = reader.text("stage")
        query.text = reader.text("q")
        query.limit = Int(reader.number("limit", in: 1...maxLimit, default: 50))
        let orders = WorkflowQuery.Order.allCases.flatMap { ["-" + $0.rawValue, $0.rawValue] }
        if let sort = reader.word("sort", of: orders) {
            query.isDescending = sort.hasPrefix("-")
            query.order =
                WorkflowQuery.Order(rawValue: query.isDescending ? String(sort.dropFirst()) : sort) ?? .createdAt
        }
        if let text = reader.text("cursor") {
            query.after = position(from: text, in: query)
            if query.after == nil {
                reader.refuse(
                    "cursor", "this is no cursor of a list with this sort; take next_cursor of the page before")
            }
        }
        try reader.check()
        return query
    }

    /// The cursor of the page after this row.
    static func cursor(after row: WorkflowRow, in query: WorkflowQuery) -> String {
        let value =
            switch query.order {
            case .createdAt: ""
            case .updatedAt: "\(row.updatedAt.microseconds)"
            case .name: row.name
            }
        return cursor(after: WorkflowQuery.Position(value: value, id: row.id), in: query)
    }

    /// The cursor of the page after this place.
    static func cursor(after place: WorkflowQuery.Position, in query: WorkflowQuery) -> String {
        let document: JSONValue = [
            "o": .string(order(of: query)), "v": .string(place.value), "i": JSONValue(place.id),
        ]
        return Base64URL.encode(document.encoded())
    }

    private static func position(from cursor: String, in query: WorkflowQuery) -> WorkflowQuery.Position? {
        guard cursor.utf8.count <= 1000, let bytes = Base64URL.decode(cursor),
            let document = try? JSONValue(parsing: bytes), document["o"]?.stringValue == order(of: query),
            let value = document["v"]?.stringValue, let id = document["i"]?.stringValue.flatMap({ UniqueID($0) })
        else { return nil }
        if query.order == .updatedAt, Int64(value) == nil { return nil }
        return WorkflowQuery.Position(value: value, id: id)
    }

    private static func order(of query: WorkflowQuery) -> String {
        (query.isDescending ? "-" : "") + query.order.rawValue
    }
}
