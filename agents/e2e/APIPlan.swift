import JSONTools
import ProjectTools

/// What can be asked of an app by its OpenAPI document alone: requests that need nothing but their path, and round trips
/// of things that can be made, read, changed and deleted.
struct APIPlan: Sendable, Hashable {
    /// A status, and what comes with it.
    struct Answer: Sendable, Hashable {
        /// `200`, `2XX`, `default`.
        var status: String
        /// Media types; empty where none is named.
        var types: [String]
    }

    /// A GET that needs no parameter.
    struct Probe: Sendable, Hashable {
        var path: String
        var answers: [Answer]
    }

    /// Something is made, read, changed as far as the document says how, and deleted.
    struct RoundTrip: Sendable, Hashable {
        /// Where it is made.
        var collection: String
        /// Where it is then, with `{}` for its name.
        var item: String
        /// What in the answer names it.
        var key: String
        var body: JSONValue
        var created: [String]
        /// Whether it can be replaced by the same body, and what that answers.
        var replaced: [String]?
        /// Whether it can be deleted, and what that answers.
        var deleted: [String]?
        /// Whether the document says that one that isn't there is 404.
        var saysMissing: Bool
    }

    static let maxProbes = 100
    static let maxRoundTrips = 30

    var probes: [Probe] = []
    var roundTrips: [RoundTrip] = []

    var isEmpty: Bool { probes.isEmpty && roundTrips.isEmpty }
}

extension APIPlan {
    /// Reads a plan out of a document.
    ///
    /// - Parameters:
    ///   - api: the document.
    ///   - ignored: paths that nobody may open, by their beginning.
    init(_ api: APIDescription, ignoring ignored: [String] = []) {
        self.init()
        func isOpen(_ path: String) -> Bool {
            ProjectManifest.isRequestPath(path) && !ignored.contains { path.hasPrefix($0) }
        }
        let gets = api.operations.filter { $0.method == "GET" }
        for operation in gets where !operation.parameters.contains(where: \.isRequired) {
            let path = api.basePath + operation.path
            let answers = operation.responses.map { response in
                Answer(status: response.status, types: response.bodies.map { $0.mediaType.lowercased() })
            }
            // A stream of events never ends.
            let isStream = answers.contains { $0.types.contains { $0.hasPrefix("text/event-stream") } }
            guard isOpen(path), !path.contains("{"), !isStream, probes.count < Self.maxProbes else { continue }
            probes.append(Probe(path: path, answers: answers))
        }
        for operation in api.operations where operation.method == "POST" && roundTrips.count < Self.maxRoundTrips {
            guard isOpen(api.basePath + operation.path), !operation.parameters.contains(where: \.isRequired),
                let trip = Self.roundTrip(operation, gets, api)
            else { continue }
            roundTrips.append(trip)
        }
    }

    private static func roundTrip(
        _ make: APIDescription.APIOperation, _ gets: [APIDescription.APIOperation], _ api: APIDescription
    ) -> RoundTrip? {
        guard let item = gets.first(where: { isItem($0.path, of: make.path) }),
            !item.parameters.contains(where: { $0.isRequired && $0.place != "path" }),
            let body = body(make, api)
        else { return nil }
        let name = String(item.path.dropFirst(make.path.count + 2).dropLast())
        let made = make.responses.filter { $0.status.hasPrefix("2") }
        let schema = made.lazy.compactMap { $0.bodies.first { isJSON($0.mediaType) }?.schema }.first
        let properties = schema.map { api.shape(of: $0).properties.map(\.name) } ?? []
        guard let key = [name, "id"].first(where: properties.contains), !made.isEmpty else { return nil }
        func other(_ method: String) -> APIDescription.APIOperation? {
            api.operations.first {
                $0.method == method && $0.path == item.path
                    && !$0.parameters.contains { $0.isRequired && $0.place != "path" }
            }
        }
        func good(_ operation: APIDescription.APIOperation) -> [String] {
            operation.responses.map(\.status).filter { $0.hasPrefix("2") }
        }
        // Replaced is what takes all that was made.
        let replace = other("PUT").flatMap { put in Self.body(put, api) == body ? put : nil }
        return RoundTrip(
            collection: api.basePath + make.path, item: api.basePath + make.path + "/{}", key: key, body: body,
            created: made.map(\.status), replaced: replace.map(good), deleted: other("DELETE").map(good),
            saysMissing: item.responses.contains { $0.status == "404" })
    }

    /// Whether a path is the collection's with one parameter behind it.
    private static func isItem(_ path: String, of collection: String) -> Bool {
        guard path.hasPrefix(collection + "/{"), path.hasSuffix("}") else { return false }
        return !path.dropFirst(collection.count + 2).dropLast().contains { "{}/".contains($0) }
    }

    private static func isJSON(_ type: String) -> Bool { type.lowercased().hasPrefix("application/json") }

    private static func body(_ operation: APIDescription.APIOperation, _ api: APIDescription) -> JSONValue? {
        guard let body = operation.requestBodies.first(where: { isJSON($0.mediaType) }) else { return nil }
        if let example = body.example?.json { return example }
        guard let value = body.schema.flatMap({ sample($0, api) }), value.objectValue != nil else { return nil }
        return value
    }

    // MARK: Samples

    /// A value that a schema allows; nil where only a person would know one.
    static func sample(_ schema: LocatedValue, _ api: APIDescription, depth: Int = 0) -> JSONValue? {
        guard depth < 6 else { return nil }
        let plain = api.resolved(schema)
        if let example = plain["example"] ?? plain["examples"]?.list.first ?? plain["default"] ?? plain["const"] {
            return example.json
        }
        if let choice = plain["enum"]?.list.first { return choice.json }
        // One of several, or what some pattern fits, is not guessed.
        guard plain["oneOf"] == nil, plain["anyOf"] == nil, plain["pattern"] == nil, plain["not"] == nil else {
            return nil
        }
        let shape = api.shape(of: schema)
        if shape.types.contains("object") {
            var object = JSONObject()
            for property in shape.properties where shape.required.contains(property.name) {
                if api.resolved(property.schema)["readOnly"]?.bool == true { continue }
                guard let value = sample(property.schema, api, depth: depth + 1) else { return nil }
                object[property.name] = value
            }
            return shape.required.isSubset(of: shape.properties.map(\.name)) ? .object(object) : nil
        }
        if shape.types.contains("string") { return text(plain) }
        if shape.types.contains("integer") || shape.types.contains("number") { return number(plain) }
        if shape.types.contains("boolean") { return true }
        if shape.types.contains("array") {
            guard let least = plain["minItems"]?.number, least > 0 else { return [] }
            guard least <= 3, let items = shape.items, let one = sample(items, api, depth: depth + 1) else {
                return nil
            }
            return .array(Array(repeating: one, count: Int(least)))
        }
        return nil
    }

    private static func text(_ schema: LocatedValue) -> JSONValue? {
        let formats = [
            "date": "2026-01-31", "date-time": "2026-01-31T12:30:00Z", "time": "12:30:00Z", "email": "ada@example.com",
            "uri": "https://example.com/", "url": "https://example.com/",
            "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
            "hostname": "example.com", "ipv4": "192.0.2.1",
        ]
        if let format = schema["format"]?.text {
            if let value = formats[format] { return .string(value) }
            guard ["password", "byte", "binary"].contains(format) == false else { return nil }
        }
        let least = Int(schema["minLength"]?.number ?? 0)
        let most = Int(schema["maxLength"]?.number ?? 1000)
        guard least <= 200, most >= least else { return nil }
        let word = "Sample"
        let long = word.count < least ? word + String(repeating: "x", count: least - word.count) : word
        return .string(String(long.prefix(most)))
    }

    private static func number(_ schema: LocatedValue) -> JSONValue? {
        // In steps: the optimizer of Swift 6.3.1 fails on all of it in one expression.
        var value = 1.0
        if let least = schema["minimum"]?.number {
            value = least
        } else if let bound = schema["exclusiveMinimum"]?.number {
            value = bound + 1
        }
        if let most = schema["maximum"]?.number, value > most { value = most }
        if let step = schema["multipleOf"]?.number, step > 0 { value = (value / step).rounded(.up) * step }
        return Int64(exactly: value).map { .integer($0) } ?? .number(value)
    }
}

extension APIPlan {
    /// The document of an app: that of its repository, otherwise the one that it serves.
    ///
    /// - Parameters:
    ///   - files: what the repository tracks.
    ///   - read: text of one of them.
    ///   - ask: body of what a path answers with 2xx.
    /// - Returns: the document and where it is; what is wrong with one that can't be read.
    static func find(
        files: [String], read: (String) -> String?, ask: (String) async -> String?
    ) async -> (api: APIDescription?, place: String, problem: String?) {
        var problem: String?
        for file in files.filter(APIDescription.isName).sorted(by: { $0.utf8.count < $1.utf8.count }).prefix(5) {
            guard let text = read(file) else { continue }
            do { return (try APIDescription(parsing: text), file, nil) } catch { problem = "\(file): \(error)" }
        }
        for path in ["/openapi.json", "/openapi.yaml", "/api/openapi.json", "/swagger.json"] {
            guard let text = await ask(path) else { continue }
            if let api = try? APIDescription(parsing: text) { return (api, path, nil) }
        }
        return (nil, "", problem)
    }
}
