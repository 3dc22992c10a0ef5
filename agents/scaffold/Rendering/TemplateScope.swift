import JSONTools
import Mustache

/// What was wrong while a template was rendered: Mustache itself is silent about it.
final class RenderingFaults {
    private(set) var messages: [String] = []

    func add(_ message: String) {
        if !messages.contains(message) { messages.append(message) }
    }
}

/// The values of a template.
///
/// Values from outside can be put into a file only through an ``Escape``; using one as it is, or a name that doesn't
/// exist, is a fault.
struct TemplateScope: MustacheParent {
    /// Values that come with the template or were made by us.
    let trusted: JSONObject
    /// Texts that anybody may have written.
    let outside: [String: String]
    let faults: RenderingFaults

    func child(named name: String) -> Any? {
        if let text = outside[name] { return TemplateText(text: text, name: name, isTrusted: false, faults: faults) }
        if let value = trusted[name] { return wrap(value, name) }
        faults.add("there is no value \(name)")
        return nil
    }

    private func wrap(_ value: JSONValue, _ name: String) -> Any? {
        switch value {
        case .null: TemplateText(text: "", name: name, isTrusted: true, faults: faults)
        case .bool(let flag): flag
        case .integer(let number): Int(number)
        case .number(let number): number
        case .string(let text): TemplateText(text: text, name: name, isTrusted: true, faults: faults)
        case .array(let values): values.compactMap { wrap($0, name) }
        case .object(let object): TemplateMembers(members: Dictionary(uniqueKeysWithValues: object.compactMap(member)))
        }
    }

    private func member(_ key: String, _ value: JSONValue) -> (String, Any)? { wrap(value, key).map { (key, $0) } }
}

/// The members of an object among the values.
struct TemplateMembers: MustacheParent {
    let members: [String: Any]

    func child(named name: String) -> Any? { members[name] }
}

/// A text among the values.
struct TemplateText: MustacheTransformable, MustacheCustomRenderable {
    let text: String
    let name: String
    let isTrusted: Bool
    let faults: RenderingFaults

    /// What a plain tag puts in.
    var renderText: String {
        if !isTrusted { faults.add("\(name) comes from outside and has to go through an escape, as in html(\(name))") }
        return isTrusted ? text : ""
    }

    /// Whether a section is left out.
    var isNull: Bool { text.isEmpty }

    func transform(_ name: String) -> Any? {
        guard let escape = Escape(rawValue: name) else {
            faults.add("there is no escape \(name); known: \(Escape.allCases.map(\.rawValue).joined(separator: ", "))")
            return nil
        }
        return escape(text)
    }
}
