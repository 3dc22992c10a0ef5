import Hummingbird
import JSONTools

/// Which page of a list is asked for: `limit` and `cursor`.
struct PageRequest: Sendable {
    /// The parameters that it reads.
    static let names = ["limit", "cursor"]
    /// Most items of a page of a list whose items are small.
    static let largeLimit: Int64 = 1000

    /// Most items.
    let limit: Int
    /// Where the page before ended: as many texts as the list's order takes; nil for the first page.
    let after: [String]?

    /// Reads it.
    ///
    /// - Parameters:
    ///   - count: how many texts a cursor of this list holds.
    ///   - isPlace: whether they can be a place in it.
    init(
        _ reader: inout QueryReader, upTo most: Int64 = WorkflowListRequest.maxLimit, default usual: Int64 = 50,
        count: Int, _ isPlace: ([String]) -> Bool = { _ in true }
    ) {
        limit = Int(reader.number("limit", in: 1...most, default: usual))
        guard let text = reader.text("cursor") else {
            after = nil
            return
        }
        after = Self.decode(text, count).flatMap { isPlace($0) ? $0 : nil }
        if after == nil { reader.refuse("cursor", "this is no cursor; take next_cursor of the page before") }
    }

    private static func decode(_ text: String, _ count: Int) -> [String]? {
        guard text.utf8.count <= 2000, let bytes = Base64URL.decode(text),
            let list = (try? JSONValue(parsing: bytes))?.arrayValue, list.count == count
        else { return nil }
        let parts = list.compactMap(\.stringValue)
        return parts.count == count ? parts : nil
    }

    /// The cursor of the page after a place.
    static func cursor(_ parts: [String]) -> String {
        Base64URL.encode(JSONValue.array(parts.map { .string($0) }).encoded())
    }

    /// The answer with a page, of rows of which one more was asked for than the page holds.
    func response<Row>(
        _ rows: [Row], _ document: (Row) -> JSONValue, cursor: (Row) -> [String]
    ) -> Response {
        let items = rows.prefix(limit)
        let next = rows.count > limit ? items.last.map { Self.cursor(cursor($0)) } : nil
        return Response(json: page(items.map(document), next: next))
    }
}
