import AgentRuntime
import JSONTools

/// Reads `entities` of structured input, as in `[{"name": "task", "fields": {"title": "string", "due": "date"}}]`.
enum EntityRequest {
    /// Fields of an entity that was named without any.
    static let plainFields = [
        EntityField(name: "title", kind: .string, isRequired: true),
        EntityField(name: "notes", kind: .text, isRequired: false),
    ]

    /// - Parameters:
    ///   - value: a list of objects, each with `name`, and maybe `plural` and `fields`, or of plain names.
    ///   - known: fields of entities that are named without any, by name.
    /// - Throws: ``ActionFailure`` `INVALID_INPUT` naming the place.
    static func models(_ value: JSONValue, known: [String: [EntityField]] = [:]) throws -> [EntityModel] {
        guard let list = value.arrayValue, list.count <= EntityModel.maxCount else {
            throw invalid("entities", "a list of at most \(EntityModel.maxCount)", value)
        }
        var models: [EntityModel] = []
        for (index, element) in list.enumerated() {
            let model = try model(element, at: "entities[\(index)]", known)
            guard !models.contains(where: { $0.name == model.name || $0.plural == model.plural }) else {
                throw invalid("entities[\(index)].name", "a name that no other has", element)
            }
            models.append(model)
        }
        return models
    }

    private static func model(
        _ value: JSONValue, at place: String, _ known: [String: [EntityField]]
    ) throws -> EntityModel {
        for key in value.objectValue?.keys ?? [] where !["name", "plural", "fields"].contains(key) {
            throw invalid("\(place).\(key)", "only name, plural and fields", value)
        }
        guard let text = (value["name"] ?? value).stringValue, let given = EntityModel.identifier(text) else {
            throw invalid(
                "\(place).name", "a name of at most 40 letters, digits and spaces that begins with a letter", value)
        }
        // "tasks" means the kind of record, too.
        let parts = given.split(separator: "_").map(String.init)
        let name = (parts.dropLast() + [EntityModel.singular(of: parts.last ?? given)]).joined(separator: "_")
        let plural: String
        if let given = value["plural"] {
            guard let identifier = given.stringValue.flatMap(EntityModel.identifier) else {
                throw invalid("\(place).plural", "a name", given)
            }
            plural = identifier
        } else {
            plural = EntityModel.plural(of: name)
        }
        guard let given = value["fields"], given != .null else {
            return EntityModel(name: name, plural: plural, fields: known[name] ?? plainFields)
        }
        return EntityModel(name: name, plural: plural, fields: try fields(given, at: "\(place).fields"))
    }

    private static func fields(_ value: JSONValue, at place: String) throws -> [EntityField] {
        var members: [(String, JSONValue)] = []
        if let object = value.objectValue {
            members = object.map { ($0, $1) }
        } else if let list = value.arrayValue {
            // A list keeps its order in every client: names, or objects with a name.
            for element in list {
                guard let name = (element["name"] ?? element).stringValue else {
                    throw invalid(place, "a name for each", element)
                }
                members.append((name, element.objectValue == nil ? "string" : element))
            }
        } else {
            throw invalid(place, "an object of types by name", value)
        }
        guard (1...EntityModel.maxFields).contains(members.count) else {
            throw invalid(place, "1 to \(EntityModel.maxFields) fields", value)
        }
        var fields: [EntityField] = []
        for (key, value) in members {
            let field = try field(key, value, at: "\(place).\(key)")
            guard !fields.contains(where: { $0.name == field.name }) else {
                throw invalid("\(place).\(key)", "a name that no other field has", value)
            }
            fields.append(field)
        }
        // Without a word about it, a record needs what it is shown by.
        let isSaid = members.contains { $0.1["required"] != nil }
        if !isSaid, let first = fields.firstIndex(where: { $0.kind == .string }) { fields[first].isRequired = true }
        return fields
    }

    private static func field(_ key: String, _ value: JSONValue, at place: String) throws -> EntityField {
        guard let name = EntityModel.identifier(key), !EntityField.reserved.contains(name) else {
            throw invalid(
                place, "a name that begins with a letter and is none of id, created_at, updated_at", .string(key))
        }
        if value.arrayValue != nil {
            return EntityField(name: name, kind: .choice, isRequired: false, choices: try choices(value, at: place))
        }
        for member in value.objectValue?.keys ?? [] where !["name", "type", "required", "choices"].contains(member) {
            throw invalid("\(place).\(member)", "only type, required and choices", value)
        }
        let word = value["type"] ?? (value.objectValue == nil ? value : "string")
        guard let text = word.stringValue, let kind = EntityField.Kind(word: text) else {
            let known = EntityField.Kind.allCases.map(\.rawValue)
            let hint = word.stringValue.flatMap { closestMatch($0, in: known) }.map { " (did you mean \($0)?)" } ?? ""
            throw invalid(place, "one of \(known.joined(separator: ", "))\(hint)", word)
        }
        let isRequired: Bool
        switch value["required"] {
        case nil: isRequired = false
        case .bool(let flag)?: isRequired = flag
        case let other?: throw invalid("\(place).required", "true or false", other)
        }
        var list: [String] = []
        if kind == .choice { list = try choices(value["choices"] ?? .null, at: place + ".choices") }
        return EntityField(name: name, kind: kind, isRequired: isRequired, choices: list)
    }

    private static func choices(_ value: JSONValue, at place: String) throws -> [String] {
        let list = value.arrayValue?.compactMap(\.stringValue) ?? []
        let isGood = list.allSatisfy { choice in
            (1...40).contains(choice.count) && choice.allSatisfy { $0.isLetter || $0.isNumber || " _.-+/".contains($0) }
        }
        guard (1...50).contains(list.count), list.count == value.arrayValue?.count, isGood,
            Set(list).count == list.count
        else {
            throw invalid(place, "1 to 50 different choices of at most 40 letters and digits", value)
        }
        return list
    }

    static func invalid(_ key: String, _ expected: String, _ found: JSONValue) -> ActionFailure {
        ActionFailure(
            code: "INVALID_INPUT", message: "\(key): expected \(expected), found \(found.description.prefix(80))")
    }
}
