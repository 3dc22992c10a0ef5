import JSONTools
import Yams

/// A YAML file as a JSON value, with the errors of its shape.
struct YAMLDocument: Sendable {
    /// Name of the file, for messages.
    let file: String
    let value: JSONValue

    /// Reads a document.
    ///
    /// - Parameters:
    ///   - text: YAML, one document.
    ///   - file: its name, for messages.
    /// - Throws: ``TemplateError`` with the line, as the YAML parser says it.
    init(_ text: String, file: String) throws(TemplateError) {
        self.file = file
        if let alias = YAMLAlias.first(in: text) {
            throw TemplateError(
                file: file,
                message:
                    "line \(alias.line): found the alias *\(alias.name); aliases are not supported, repeat the value")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw TemplateError(file: file, message: "not valid YAML: \(error)")
        }
        guard let node else { throw TemplateError(file: file, message: "the file is empty") }
        value = try Self.json(node, file: file, depth: 0)
    }

    private static func json(_ node: Node, file: String, depth: Int) throws(TemplateError) -> JSONValue {
        guard depth < 32 else { throw TemplateError(file: file, message: "nested more than 32 levels deep") }
        switch node {
        case .scalar(let scalar):
            if scalar.style == .doubleQuoted || scalar.style == .singleQuoted { return .string(scalar.string) }
            if node.null != nil { return .null }
            if let flag = node.bool { return .bool(flag) }
            if let number = node.int { return .integer(Int64(number)) }
            if let number = node.float, number.isFinite { return .number(number) }
            return .string(scalar.string)
        case .sequence(let sequence):
            var values: [JSONValue] = []
            for element in sequence { values.append(try json(element, file: file, depth: depth + 1)) }
            return .array(values)
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, value) in mapping {
                guard let name = key.string else {
                    throw TemplateError(file: file, message: "a key is not a text")
                }
                object[name] = try json(value, file: file, depth: depth + 1)
            }
            return .object(object)
        case .alias:
            throw TemplateError(file: file, message: "aliases are not supported")
        }
    }
}

extension YAMLDocument {
    /// A member of the document that has to be a text.
    func text(_ key: String) throws(TemplateError) -> String {
        guard let text = value[key]?.stringValue, !text.isEmpty else { throw unexpected(key, "a text") }
        return text
    }

    /// A member that has to be a list of texts; an absent one is empty.
    func texts(_ key: String) throws(TemplateError) -> [String] {
        guard let member = value[key] else { return [] }
        guard let list = member.arrayValue else { throw unexpected(key, "a list of texts") }
        var texts: [String] = []
        for element in list {
            guard let text = element.stringValue else { throw unexpected(key, "a list of texts") }
            texts.append(text)
        }
        return texts
    }

    /// A member that has to be an object; an absent one is empty.
    func object(_ key: String) throws(TemplateError) -> JSONObject {
        guard let member = value[key] else { return [:] }
        guard let object = member.objectValue else { throw unexpected(key, "an object") }
        return object
    }

    /// Refuses members that nobody reads, which are mistakes in their names.
    func refuseUnknown(_ known: [String]) throws(TemplateError) {
        guard let object = value.objectValue else { throw TemplateError(file: file, message: "expected an object") }
        for key in object.keys where !known.contains(key) {
            let hint = closestMatch(key, in: known).map { " (did you mean \($0)?)" } ?? ""
            throw TemplateError(file: file, message: "\(key) is not known here\(hint)")
        }
    }

    private func unexpected(_ key: String, _ expected: String) -> TemplateError {
        TemplateError(
            file: file, message: "\(key): expected \(expected), found \(value[key].map(\.description) ?? "nothing")")
    }
}
