import Foundation
import Hummingbird

let maxBodyBytes = 64 * 1024
let maxSearchLength = 200
let defaultPerPage = 20
let maxPerPage = 100

/// Adds everything that the service answers beside its files and its health: for each model a list with search,
/// sorting and pages, and to make, read, change and delete records.
func addRoutes(to router: Router<BasicRequestContext>, settings: Settings) throws {
    let models = try Model.load(from: settings.modelFolder)
    let document = JSON.object(["entities": .list(models.map(\.json))])
    router.get("api/model") { _, _ in try answer(document) }
    let store = Store(folder: settings.dataFolder)
    for (model, _) in models { Records(model: model, store: store).add(to: router.group("api/\(model.plural)")) }
}

/// An answer of JSON, which no cache may keep.
func answer(_ value: JSON, status: HTTPResponse.Status = .ok, location: String? = nil) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
    if let location { headers[.location] = location }
    return Response(
        status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(data: try encoder.encode(value))))
}

/// The answers for one model.
struct Records: Sendable {
    var model: Model
    var store: Store

    func add(to group: RouterGroup<BasicRequestContext>) {
        group.get { request, _ in try await list(request) }
        group.post { request, _ in
            let record = try await store.create(model, try await checked(request, isPartial: false))
            guard case .number(let id)? = record["id"] else { throw HTTPError(.internalServerError) }
            return try answer(.object(record), status: .created, location: "/api/\(model.plural)/\(Int(id))")
        }
        group.get(":id") { _, context in try await existing(number(context)) { try await store.get(model, $0) } }
        group.put(":id") { request, context in try await update(request, context, isPartial: false) }
        group.patch(":id") { request, context in try await update(request, context, isPartial: true) }
        group.delete(":id") { _, context in
            let id = try number(context)
            guard try await store.remove(model, id) else { throw missing("\(id)") }
            return Response(status: .noContent)
        }
    }

    private func list(_ request: Request) async throws -> Response {
        let given = Self.parameters(request.uri.query ?? "")
        let search = given["search"] ?? ""
        guard search.count <= maxSearchLength else {
            throw wrongParameter("search has at most \(maxSearchLength) characters.")
        }
        let order = given["sort"] ?? "-id"
        let sort = order.hasPrefix("-") ? String(order.dropFirst()) : order
        let known = ["id", "created_at", "updated_at"] + model.fields.map(\.name)
        guard known.contains(sort) else {
            throw wrongParameter("sort must be one of \(known.joined(separator: ", ")).")
        }
        let page = try whole(given["page"], "page", default: 1, most: 1_000_000)
        let perPage = try whole(given["per_page"], "per_page", default: defaultPerPage, most: maxPerPage)
        let query = Query(
            search: search, sort: sort, isDescending: order.hasPrefix("-"), offset: (page - 1) * perPage, limit: perPage
        )
        let (items, total) = try await store.list(model, query)
        let pages = max(1, (total + perPage - 1) / perPage)
        return try answer(
            .object([
                "items": .list(items.map { .object($0) }), "page": .number(Double(page)),
                "per_page": .number(Double(perPage)), "total": .number(Double(total)), "pages": .number(Double(pages)),
            ]))
    }

    /// The parameters of a query as browsers write it: a plus sign is a space.
    static func parameters(_ query: String) -> [String: String] {
        let pairs = query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { part in
                let text = String(part.map { $0 == "+" ? " " : $0 })
                return text.removingPercentEncoding ?? text
            }
            return (parts[0], parts.count == 2 ? parts[1] : "")
        }
        return Dictionary(pairs) { first, _ in first }
    }

    private func update(
        _ request: Request, _ context: BasicRequestContext, isPartial: Bool
    ) async throws -> Response {
        let id = try number(context)
        guard try await store.get(model, id) != nil else { throw missing("\(id)") }
        let values = try await checked(request, isPartial: isPartial)
        return try await existing(id) { try await store.update(model, $0, values) }
    }

    private func existing(_ id: Int, _ find: (Int) async throws -> [String: JSON]?) async throws -> Response {
        guard let record = try await find(id) else { throw missing("\(id)") }
        return try answer(.object(record))
    }

    /// The values in a request's body, when nothing is wrong with them.
    private func checked(_ request: Request, isPartial: Bool) async throws -> [String: JSON] {
        guard request.headers[.contentType]?.lowercased().hasPrefix("application/json") == true else {
            throw Problem(
                status: .unsupportedMediaType, code: "UNSUPPORTED_MEDIA_TYPE",
                error: "Send the body as application/json.")
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: maxBodyBytes)
        } catch {
            throw Problem(
                status: .contentTooLarge, code: "BODY_TOO_LARGE", error: "A body has at most \(maxBodyBytes) bytes.")
        }
        guard case .object(let given)? = try? JSONDecoder().decode(JSON.self, from: Data(buffer: body)) else {
            throw Problem(status: .badRequest, code: "INVALID_JSON", error: "The body must be a JSON object.")
        }
        let (values, errors) = model.check(given, isPartial: isPartial)
        guard errors.isEmpty else {
            let labels = Dictionary(uniqueKeysWithValues: model.fields.map { ($0.name, $0.label) })
            let sentences = errors.sorted { $0.key < $1.key }.map { "\(labels[$0.key] ?? $0.key) \($0.value)." }
            throw Problem(
                status: .unprocessableContent, code: "INVALID_FIELDS", error: sentences.joined(separator: " "),
                fields: errors)
        }
        return values
    }

    private func number(_ context: BasicRequestContext) throws -> Int {
        let text = context.parameters.get("id") ?? ""
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let id = Int(text) else { throw missing(text) }
        return id
    }

    private func missing(_ id: String) -> Problem {
        let error = "There is no \(model.label.lowercased()) \(id.prefix(20))."
        return Problem(status: .notFound, code: "NOT_FOUND", error: error)
    }

    private func whole(_ text: String?, _ name: String, default fallback: Int, most: Int) throws -> Int {
        guard let text else { return fallback }
        guard text.utf8.count <= 9, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text),
            (1...most).contains(number)
        else { throw wrongParameter("\(name) must be a whole number from 1 to \(most).") }
        return number
    }

    private func wrongParameter(_ error: String) -> Problem {
        Problem(status: .badRequest, code: "INVALID_PARAMETER", error: error)
    }
}
