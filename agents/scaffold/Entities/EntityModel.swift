import JSONTools

/// Something that an app stores, such as a task with a title and a due date.
struct EntityModel: Sendable, Hashable {
    /// Most entities in a project.
    static let maxCount = 20
    /// Most fields of an entity.
    static let maxFields = 30

    /// Singular, as in `task`: `a-z`, `0-9` and `_`, beginning with a letter.
    var name: String
    /// As in `tasks`; also the last part of the API's path.
    var plural: String
    /// In the order of forms and lists; never empty.
    var fields: [EntityField]

    /// For people, as in "Order line".
    var label: String { Self.label(of: name) }
    var pluralLabel: String { Self.label(of: plural) }

    /// `order_line` for "orderLine", "Order line" and "order-line"; nil when nothing of an identifier is left.
    static func identifier(_ text: String) -> String? {
        var result = ""
        var former: Character = " "
        for character in text {
            if character.isASCII, character.isLetter || character.isNumber {
                if character.isUppercase, former.isLowercase || former.isNumber { result += "_" }
                result += character.lowercased()
            } else if !result.isEmpty, result.last != "_" {
                result += "_"
            }
            former = character
        }
        while result.last == "_" { result.removeLast() }
        guard let first = result.first, first.isLetter, result.utf8.count <= 40 else { return nil }
        return result
    }

    /// `Due date` for `due_date`.
    static func label(of name: String) -> String {
        let words = name.split(separator: "_").joined(separator: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    /// The usual English plural of a name's last word.
    static func plural(of name: String) -> String {
        let irregular = [
            "person": "people", "child": "children", "man": "men", "woman": "women", "mouse": "mice", "foot": "feet",
        ]
        for (singular, plural) in irregular where name == singular || name.hasSuffix("_" + singular) {
            return name.dropLast(singular.count) + plural
        }
        let before = name.dropLast().last ?? "a"
        if name.hasSuffix("y"), !"aeiou".contains(before) { return name.dropLast() + "ies" }
        if ["s", "x", "z", "ch", "sh"].contains(where: name.hasSuffix) { return name + "es" }
        return name + "s"
    }

    /// The usual English singular of a word; the word itself when it is one already.
    static func singular(of word: String) -> String {
        let irregular = [
            "people": "person", "children": "child", "men": "man", "women": "woman", "mice": "mouse", "movies": "movie",
            "series": "series", "news": "news", "feet": "foot",
        ]
        if let known = irregular[word] { return known }
        if word.hasSuffix("ies"), word.count > 4 { return word.dropLast(3) + "y" }
        if ["sses", "xes", "zes", "ches", "shes", "uses"].contains(where: word.hasSuffix) {
            return String(word.dropLast(2))
        }
        if word.hasSuffix("s"), !word.hasSuffix("ss"), !word.hasSuffix("us"), !word.hasSuffix("is") {
            return String(word.dropLast())
        }
        return word
    }
}

/// One value of an entity.
struct EntityField: Sendable, Hashable {
    /// What a field may hold; the raw value is what models and requests call it.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        case string, text, int, number, bool, date, datetime, email, url, choice

        /// The kind that a word means; nil for a word that is none.
        init?(word: String) {
            let others: [String: Kind] = [
                "str": .string, "varchar": .string, "integer": .int, "float": .number, "double": .number,
                "decimal": .number, "boolean": .bool, "timestamp": .datetime, "link": .url, "enum": .choice,
                "markdown": .text,
            ]
            guard let kind = Kind(rawValue: word.lowercased()) ?? others[word.lowercased()] else { return nil }
            self = kind
        }
    }

    /// Names that every record has already.
    static let reserved: Set<String> = ["id", "created_at", "updated_at"]

    var name: String
    var kind: Kind
    var isRequired: Bool
    /// Of `choice`; the first is what a form proposes.
    var choices: [String] = []

    var label: String { EntityModel.label(of: name) }

    /// Most characters; nil where it isn't a text.
    var maxLength: Int? {
        switch kind {
        case .string: 200
        case .text: 10_000
        case .email: 254
        case .url: 2000
        case .int, .number, .bool, .date, .datetime, .choice: nil
        }
    }
}

// MARK: - The model files of a project

extension EntityModel {
    /// The model as generated projects keep it, in `model/NAME.json`.
    var json: JSONObject {
        [
            "name": .string(name), "plural": .string(plural), "label": .string(label),
            "plural_label": .string(pluralLabel), "fields": .array(fields.map { .object($0.json) }),
        ]
    }

    /// Reads what ``json`` wrote, or what somebody changed since.
    init?(json: JSONValue) {
        guard let name = json["name"]?.stringValue, Self.identifier(name) == name,
            let plural = json["plural"]?.stringValue, Self.identifier(plural) == plural,
            let list = json["fields"]?.arrayValue
        else { return nil }
        let fields = list.compactMap(EntityField.init(json:))
        guard fields.count == list.count, !fields.isEmpty else { return nil }
        self.init(name: name, plural: plural, fields: fields)
    }

    /// The values of templates.
    var templateValues: JSONObject {
        var values = json
        let shown = fields.first { $0.kind == .string } ?? fields.first { $0.kind == .email } ?? fields[0]
        values["title_field"] = .string(shown.name)
        values["title_is_text"] = .bool(shown.kind == .string)
        values["class_name"] = .string(
            name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined())
        values["required"] = .array(fields.filter(\.isRequired).map { .object($0.templateValues) })
        values["fields"] = .array(fields.map { .object($0.templateValues) })
        return values
    }
}

extension EntityField {
    var json: JSONObject {
        var object: JSONObject = [
            "name": .string(name), "label": .string(label), "type": .string(kind.rawValue),
            "required": .bool(isRequired),
        ]
        if let maxLength { object["max_length"] = .integer(Int64(maxLength)) }
        if kind == .choice { object["choices"] = .array(choices.map { .string($0) }) }
        return object
    }

    init?(json: JSONValue) {
        guard let name = json["name"]?.stringValue, EntityModel.identifier(name) == name,
            let kind = json["type"]?.stringValue.flatMap(Kind.init(rawValue:))
        else { return nil }
        self.init(
            name: name, kind: kind, isRequired: json["required"]?.boolValue ?? false,
            choices: json["choices"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    }

    /// The values of templates: the model, and one flag for each kind.
    fileprivate var templateValues: JSONObject {
        var values = json
        values["choices"] = nil
        for kind in Kind.allCases { values["is_" + kind.rawValue] = .bool(kind == self.kind) }
        return values
    }
}
