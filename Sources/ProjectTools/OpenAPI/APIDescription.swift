/// What an OpenAPI document (3.x) says of an app's operations, with the lines it says it on.
public struct APIDescription: Sendable, Hashable {
    /// A part of a request that isn't its body.
    public struct Parameter: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// `path`, `query`, `header` or `cookie`.
        public var place: String
        /// Whether a request without it is refused.
        public var isRequired: Bool
        /// What it may be; nil where the document doesn't say.
        public var schema: LocatedValue?
        /// Where it begins, from 1.
        public var line: Int
    }

    /// A body, by its media type.
    public struct Body: Sendable, Hashable {
        /// Such as `application/json`.
        public var mediaType: String
        /// What it may be; nil where the document doesn't say.
        public var schema: LocatedValue?
        /// An example that the document gives; nil without one.
        public var example: LocatedValue?
        /// Where it begins, from 1.
        public var line: Int
    }

    /// What an operation may answer with.
    public struct Response: Sendable, Hashable {
        /// `200`, `2XX`, `default`.
        public var status: String
        /// Its bodies; none where it has no content.
        public var bodies: [Body]
        /// Where it begins, from 1.
        public var line: Int
    }

    /// One method of one path.
    public struct APIOperation: Sendable, Hashable {
        /// In capitals.
        public var method: String
        /// With its parameters in braces.
        public var path: String
        /// Its own, and those of its path.
        public var parameters: [Parameter]
        /// What it takes; empty for none.
        public var requestBodies: [Body]
        /// Whether a request without body is refused.
        public var needsBody: Bool
        /// What it may answer.
        public var responses: [Response]
        /// Where it begins, from 1.
        public var line: Int

        /// Method and path.
        public var name: String { "\(method) \(path)" }
    }

    static let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]
    static let maxOperations = 2000

    /// The operations in the order of the document.
    public var operations: [APIOperation]
    /// The path that all paths begin with, by the first server; empty for none.
    public var basePath: String
    /// The document, for references in schemas.
    public var root: LocatedValue

    /// Reads a document.
    ///
    /// - Parameter text: JSON or YAML.
    /// - Throws: ``LocatedValue/ParsingError``, also when it is no OpenAPI 3 document.
    public init(parsing text: String) throws(LocatedValue.ParsingError) {
        root = try LocatedValue(parsing: text)
        let version = root["openapi"].flatMap { $0.text ?? $0.number.map { "\($0)" } }
        guard version?.hasPrefix("3.") == true else {
            throw LocatedValue.ParsingError(description: "not an OpenAPI document of version 3")
        }
        basePath = Self.path(ofServer: root["servers"]?.list.first?["url"]?.text ?? "")
        operations = []
        for path in root["paths"]?.members ?? [] where path.key.hasPrefix("/") {
            let item = resolved(path.value)
            for member in item.members where Self.methods.contains(member.key) {
                guard operations.count < Self.maxOperations else { return }
                operations.append(operation(member, path: path.key, item: item))
            }
        }
    }

    /// Whether a file's name is one that such documents have.
    ///
    /// - Parameter path: relative to the project.
    public static func isName(_ path: String) -> Bool {
        let name = (path.split(separator: "/").last ?? "").lowercased()
        return ["json", "yaml", "yml"].contains { ending in
            ["openapi.\(ending)", "swagger.\(ending)"].contains(name) || name.hasSuffix("-openapi.\(ending)")
                || name.hasSuffix(".openapi.\(ending)")
        }
    }

    /// What a value refers to, or the value itself; references to other documents stay as they are.
    public func resolved(_ value: LocatedValue) -> LocatedValue {
        var value = value
        for _ in 0..<20 {
            guard let reference = value["$ref"]?.text, reference.hasPrefix("#/") else { return value }
            var target: LocatedValue? = root
            for part in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) {
                let key = part.replacing("~1", with: "/").replacing("~0", with: "~")
                target = target?[String(key)]
            }
            guard let target else { return value }
            value = target
        }
        return value
    }

    private func operation(_ member: LocatedValue.Member, path: String, item: LocatedValue) -> APIOperation {
        let value = member.value
        let own = (value["parameters"]?.list ?? []).compactMap(parameter)
        let shared = (item["parameters"]?.list ?? []).compactMap(parameter).filter { one in
            !own.contains { $0.name == one.name && $0.place == one.place }
        }
        let body = value["requestBody"].map(resolved)
        let responses = (value["responses"]?.members ?? []).map { response in
            Response(status: response.key, bodies: bodies(of: resolved(response.value)), line: response.line)
        }
        return APIOperation(
            method: member.key.uppercased(), path: path, parameters: shared + own,
            requestBodies: body.map(bodies) ?? [], needsBody: body?["required"]?.bool ?? false, responses: responses,
            line: member.line)
    }

    private func parameter(_ value: LocatedValue) -> Parameter? {
        let line = value.line
        let value = resolved(value)
        guard let name = value["name"]?.text, let place = value["in"]?.text else { return nil }
        return Parameter(
            name: name, place: place, isRequired: place == "path" || value["required"]?.bool ?? false,
            schema: value["schema"], line: line)
    }

    private func bodies(of value: LocatedValue) -> [Body] {
        (value["content"]?.members ?? []).map { content in
            let examples = content.value["examples"]?.members.first.map { resolved($0.value)["value"] } ?? nil
            return Body(
                mediaType: content.key, schema: content.value["schema"],
                example: content.value["example"] ?? examples, line: content.line)
        }
    }

    /// The path of a server's address, without the slash at its end.
    private static func path(ofServer url: String) -> String {
        var rest = url[...]
        if let scheme = rest.firstRange(of: "://") {
            rest = rest[scheme.upperBound...].drop { $0 != "/" }
        }
        guard rest.hasPrefix("/"), !rest.contains("{") else { return "" }
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        return String(rest)
    }
}

extension APIDescription {
    /// A schema with what it refers to and what it consists of (`allOf`) put together.
    public struct Shape: Sendable {
        /// The types that it may have; empty for any.
        public var types: Set<String> = []
        /// The only texts and numbers that it may be, as they are written; nil for any.
        public var choices: [String]?
        /// Of an object, by name.
        public var properties: [(name: String, schema: LocatedValue, line: Int)] = []
        /// Names that have to be there.
        public var required: Set<String> = []
        /// What the elements of a list are.
        public var items: LocatedValue?
        /// The first line of it.
        public var line = 0
    }

    /// Puts a schema together.
    ///
    /// - Parameter schema: as it stands in the document.
    public func shape(of schema: LocatedValue) -> Shape {
        var shape = Shape()
        shape.line = schema.line
        add(schema, to: &shape, depth: 0)
        return shape
    }

    private func add(_ schema: LocatedValue, to shape: inout Shape, depth: Int) {
        guard depth < 10 else { return }
        let schema = resolved(schema)
        var types = Set(schema["type"]?.list.compactMap(\.text) ?? [])
        if let type = schema["type"]?.text { types.insert(type) }
        if types.isEmpty, schema["properties"] != nil { types = ["object"] }
        if schema["nullable"]?.bool == true, !types.isEmpty { types.insert("null") }
        if !types.isEmpty { shape.types = shape.types.isEmpty ? types : shape.types.intersection(types) }
        let choices = (schema["enum"]?.list ?? schema["const"].map { [$0] })?.map(Self.written)
        if let choices { shape.choices = shape.choices?.filter(choices.contains) ?? choices }
        for property in schema["properties"]?.members ?? [] {
            shape.properties.removeAll { $0.name == property.key }
            shape.properties.append((property.key, property.value, property.line))
        }
        shape.required.formUnion(schema["required"]?.list.compactMap(\.text) ?? [])
        if let items = schema["items"] { shape.items = items }
        for part in schema["allOf"]?.list ?? [] { add(part, to: &shape, depth: depth + 1) }
    }

    private static func written(_ value: LocatedValue) -> String {
        switch value.content {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let number): "\(number)"
        case .text(let text): text
        case .list, .object: "…"
        }
    }
}
