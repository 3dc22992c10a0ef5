import JSONTools

/// The OpenAPI 3.1 description of the API that generated projects have for their entities.
enum OpenAPIDocument {
    /// - Parameters:
    ///   - title: the project's, for people.
    ///   - entities: in the order of the page.
    static func json(title: String, entities: [EntityModel]) -> JSONObject {
        var paths: JSONObject = ["/health": ["get": .object(health)]]
        var schemas: JSONObject = ["Error": error]
        for entity in entities {
            let name = schemaName(entity)
            schemas[name] = .object(schema(entity))
            schemas[name + "Input"] = .object(input(entity))
            schemas[name + "Page"] = page(name)
            paths["/api/\(entity.plural)"] = collection(entity, name)
            paths["/api/\(entity.plural)/{id}"] = item(entity, name)
        }
        return [
            "openapi": "3.1.0", "info": ["title": .string(title), "version": "0.1.0"], "paths": .object(paths),
            "components": ["schemas": .object(schemas)],
        ]
    }

    private static func schemaName(_ entity: EntityModel) -> String {
        entity.name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private static let health: JSONObject = [
        "operationId": "health", "summary": "Whether the app is well",
        "responses": ["200": ["description": "It is well"]],
    ]

    private static let error: JSONValue = [
        "type": "object", "required": ["error", "code"],
        "properties": [
            "error": ["type": "string"], "code": ["type": "string"],
            "fields": ["type": "object", "additionalProperties": ["type": "string"]],
        ],
    ]

    private static func property(_ field: EntityField) -> JSONValue {
        var schema: JSONObject
        switch field.kind {
        case .string, .text: schema = ["type": "string"]
        case .email: schema = ["type": "string", "format": "email"]
        case .url: schema = ["type": "string", "format": "uri"]
        case .date: schema = ["type": "string", "format": "date"]
        case .datetime: schema = ["type": "string", "format": "date-time"]
        case .int: schema = ["type": "integer"]
        case .number: schema = ["type": "number"]
        case .bool: schema = ["type": "boolean"]
        case .choice: schema = ["type": "string", "enum": .array(field.choices.map { .string($0) })]
        }
        if let length = field.maxLength { schema["maxLength"] = .integer(Int64(length)) }
        if field.isRequired, schema["type"] == "string", field.kind != .choice { schema["minLength"] = 1 }
        guard !field.isRequired, field.kind != .bool else { return .object(schema) }
        // A value that isn't there is null.
        schema["type"] = [schema["type"] ?? "string", "null"]
        if field.kind == .choice { schema["enum"] = .array(field.choices.map { .string($0) } + [.null]) }
        return .object(schema)
    }

    private static func input(_ entity: EntityModel) -> JSONObject {
        [
            "type": "object", "additionalProperties": false,
            "required": .array(entity.fields.filter(\.isRequired).map { .string($0.name) }),
            "properties": .object(JSONObject(entity.fields.map { ($0.name, property($0)) })),
        ]
    }

    private static func schema(_ entity: EntityModel) -> JSONObject {
        var properties: JSONObject = ["id": ["type": "integer"]]
        for field in entity.fields { properties[field.name] = property(field) }
        for name in ["created_at", "updated_at"] { properties[name] = ["type": "string", "format": "date-time"] }
        return [
            "type": "object", "required": .array(properties.keys.map { .string($0) }),
            "properties": .object(properties),
        ]
    }

    private static func page(_ name: String) -> JSONValue {
        let number: JSONValue = ["type": "integer"]
        return [
            "type": "object", "required": ["items", "page", "per_page", "total", "pages"],
            "properties": [
                "items": ["type": "array", "items": reference(name)], "page": number, "per_page": number,
                "total": number, "pages": number,
            ],
        ]
    }

    private static func collection(_ entity: EntityModel, _ name: String) -> JSONValue {
        func parameter(_ name: String, _ summary: String, _ schema: JSONValue) -> JSONValue {
            ["name": .string(name), "in": "query", "description": .string(summary), "schema": schema]
        }
        let sorts = (["id", "created_at", "updated_at"] + entity.fields.map(\.name)).flatMap { [$0, "-" + $0] }
        return [
            "get": [
                "operationId": .string("list_\(entity.plural)"),
                "summary": .string("A page of \(entity.pluralLabel.lowercased())"),
                "parameters": [
                    parameter("search", "Words that texts have to contain", ["type": "string", "maxLength": 200]),
                    parameter("page", "From 1", ["type": "integer", "minimum": 1, "default": 1]),
                    parameter(
                        "per_page", "Most on a page", ["type": "integer", "minimum": 1, "maximum": 100, "default": 20]),
                    parameter(
                        "sort", "A field; - before it for the largest first",
                        ["type": "string", "enum": .array(sorts.map { .string($0) }), "default": "-id"]),
                ],
                "responses": ["200": answer("The page", name + "Page"), "400": answer("A wrong parameter", "Error")],
            ],
            "post": [
                "operationId": .string("create_\(entity.name)"),
                "summary": .string("A new \(entity.label.lowercased())"),
                "requestBody": body(name + "Input"),
                "responses": ["201": answer("It was made", name), "422": answer("What is wrong, by field", "Error")],
            ],
        ]
    }

    private static func item(_ entity: EntityModel, _ name: String) -> JSONValue {
        let noun = entity.label.lowercased()
        func operation(_ verb: String, _ summary: String, _ more: JSONObject) -> JSONValue {
            var result: JSONObject = [
                "operationId": .string("\(verb)_\(entity.name)"), "summary": .string(summary),
            ]
            for (key, value) in more { result[key] = value }
            return .object(result)
        }
        let missing = answer("There is none with this id", "Error")
        let changed: JSONValue = [
            "200": answer("As it is now", name), "404": missing, "422": answer("What is wrong, by field", "Error"),
        ]
        return [
            "parameters": [
                ["name": "id", "in": "path", "required": true, "schema": ["type": "integer", "minimum": 1]]
            ],
            "get": operation("get", "One \(noun)", ["responses": ["200": answer("It", name), "404": missing]]),
            "put": operation(
                "replace", "All fields of a \(noun)", ["requestBody": body(name + "Input"), "responses": changed]),
            "patch": operation(
                "change", "Some fields of a \(noun)", ["requestBody": body(nil), "responses": changed]),
            "delete": operation(
                "delete", "A \(noun) for good",
                ["responses": ["204": ["description": "It is gone"], "404": missing]]),
        ]
    }

    private static func reference(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }

    private static func answer(_ description: String, _ name: String) -> JSONValue {
        [
            "description": .string(description), "content": ["application/json": ["schema": reference(name)]],
        ]
    }

    private static func body(_ name: String?) -> JSONValue {
        [
            "required": true,
            "content": ["application/json": ["schema": name.map(reference) ?? ["type": "object"]]],
        ]
    }
}
