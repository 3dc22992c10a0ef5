import JSONTools

/// Something that worked for the users of a project before the work, and doesn't any more.
struct BreakingChange: Sendable, Hashable {
    enum Kind: String, Sendable, Hashable {
        case descriptionRemoved = "description_removed"
        case pathRemoved = "path_removed"
        case operationRemoved = "operation_removed"
        case parameterRemoved = "parameter_removed"
        case parameterRequired = "parameter_required"
        case propertyRemoved = "property_removed"
        case propertyRequired = "property_required"
        case bodyRequired = "body_required"
        case mediaTypeRemoved = "media_type_removed"
        case typeChanged = "type_changed"
        case choicesNarrowed = "choices_narrowed"
        case responseRemoved = "response_removed"
        case noLongerPromised = "no_longer_promised"
        case symbolRemoved = "symbol_removed"
        case argumentRemoved = "argument_removed"
        case argumentRequired = "argument_required"
    }

    /// Most findings of one comparison.
    static let limit = 200

    var kind: Kind
    /// Relative to the project.
    var file: String
    /// From 1; nil when it isn't known.
    var line: Int?
    /// Whether file and line are those of the former version, as what they name is gone.
    var isFormer: Bool
    var message: String

    /// Place and message, for people.
    var sentence: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return "\(place)\(isFormer ? " (before)" : ""): \(message)"
    }

    var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "file": .string(file), "line": line.map { .integer(Int64($0)) } ?? .null,
            "version": isFormer ? "former" : "new", "message": .string(message),
        ]
    }
}
