import ProjectTools

/// Holds two versions of an OpenAPI document against each other, as the callers of the former one see it.
///
/// What callers send may be narrowed for them, and what they get may become less than was promised; both break them.
struct APIComparison {
    private typealias Shape = APIDescription.Shape

    /// Whose data a schema describes.
    private enum Direction {
        /// Sent by the callers: it may only be accepted more widely.
        case request
        /// Got by the callers: it may only be promised more narrowly.
        case response
    }

    private static let maxDepth = 12

    private let former: APIDescription
    private let new: APIDescription
    private let file: String
    private var changes: [BreakingChange] = []

    /// - Parameters:
    ///   - former: the version before the work.
    ///   - new: the version after it.
    ///   - file: where it lies, relative to the project.
    /// - Returns: what breaks callers, in the order of the former document.
    static func changes(from former: APIDescription, to new: APIDescription, in file: String) -> [BreakingChange] {
        var comparison = APIComparison(former: former, new: new, file: file)
        comparison.compare()
        return comparison.changes
    }

    private init(former: APIDescription, new: APIDescription, file: String) {
        self.former = former
        self.new = new
        self.file = file
    }

    /// A path without the names of its parameters: `/tasks/{}`.
    static func plain(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { part in
            guard let open = part.firstIndex(of: "{"), let close = part.lastIndex(of: "}"), open < close else {
                return String(part)
            }
            return part[..<open] + "{}" + part[part.index(after: close)...]
        }.joined(separator: "/")
    }

    private mutating func add(_ kind: BreakingChange.Kind, _ message: String, former line: Int) {
        add(BreakingChange(kind: kind, file: file, line: line, isFormer: true, message: message))
    }

    private mutating func add(_ kind: BreakingChange.Kind, _ message: String, new line: Int) {
        add(BreakingChange(kind: kind, file: file, line: line, isFormer: false, message: message))
    }

    private mutating func add(_ change: BreakingChange) {
        guard changes.count < BreakingChange.limit, !changes.contains(change) else { return }
        changes.append(change)
    }

    // MARK: Operations

    private mutating func compare() {
        let paths = Set(new.operations.map { Self.plain($0.path) })
        var gone: Set<String> = []
        for old in former.operations {
            let path = Self.plain(old.path)
            guard paths.contains(path) else {
                if gone.insert(path).inserted {
                    add(.pathRemoved, "the path \(old.path) was removed", former: old.line)
                }
                continue
            }
            guard let now = new.operations.first(where: { $0.method == old.method && Self.plain($0.path) == path })
            else {
                add(.operationRemoved, "\(old.name) was removed", former: old.line)
                continue
            }
            parameters(of: old, now)
            bodies(of: old, now)
            responses(of: old, now)
        }
    }

    private mutating func parameters(of old: APIDescription.APIOperation, _ now: APIDescription.APIOperation) {
        // Those of the path are known by their place in it.
        for parameter in old.parameters where parameter.place != "path" {
            let what = "\(old.name): the \(parameter.place) parameter \(parameter.name)"
            guard let other = now.parameters.first(where: { Self.isSame($0, parameter) }) else {
                add(.parameterRemoved, "\(what) was removed", former: parameter.line)
                continue
            }
            if other.isRequired, !parameter.isRequired {
                add(.parameterRequired, "\(what) has become required", new: other.line)
            }
            schemas(parameter.schema, other.schema, .request, what, 0, line: other.line)
        }
        for parameter in now.parameters where parameter.isRequired && parameter.place != "path" {
            guard !old.parameters.contains(where: { Self.isSame($0, parameter) }) else { continue }
            add(
                .parameterRequired,
                "\(old.name): the \(parameter.place) parameter \(parameter.name) is new and required",
                new: parameter.line)
        }
    }

    private static func isSame(_ one: APIDescription.Parameter, _ other: APIDescription.Parameter) -> Bool {
        guard one.place == other.place else { return false }
        return one.place == "header" ? one.name.lowercased() == other.name.lowercased() : one.name == other.name
    }

    private mutating func bodies(of old: APIDescription.APIOperation, _ now: APIDescription.APIOperation) {
        if now.needsBody, !old.needsBody {
            add(.bodyRequired, "\(old.name): a body has become required", new: now.line)
        }
        for body in old.requestBodies {
            guard let other = now.requestBodies.first(where: { $0.mediaType == body.mediaType }) else {
                add(.mediaTypeRemoved, "\(old.name): takes no \(body.mediaType) any more", former: body.line)
                continue
            }
            schemas(body.schema, other.schema, .request, "\(old.name): the body", 0, line: other.line)
        }
    }

    private mutating func responses(of old: APIDescription.APIOperation, _ now: APIDescription.APIOperation) {
        for response in old.responses {
            let what = "\(old.name): the response \(response.status)"
            guard let other = now.responses.first(where: { $0.status.uppercased() == response.status.uppercased() })
            else {
                add(.responseRemoved, "\(what) was removed", former: response.line)
                continue
            }
            for body in response.bodies {
                guard let same = other.bodies.first(where: { $0.mediaType == body.mediaType }) else {
                    add(.mediaTypeRemoved, "\(what) is no \(body.mediaType) any more", former: body.line)
                    continue
                }
                schemas(body.schema, same.schema, .response, what, 0, line: same.line)
            }
        }
    }

    // MARK: Schemas

    private mutating func schemas(
        _ old: LocatedValue?, _ now: LocatedValue?, _ direction: Direction, _ what: String, _ depth: Int, line: Int
    ) {
        // Schemas may refer to themselves, and deeper than this nobody looks.
        guard depth < Self.maxDepth, let old, let now else { return }
        let (before, after) = (former.shape(of: old), new.shape(of: now))
        types(before, after, direction, what, line: after.line)
        let gone = Set(before.choices ?? []).subtracting(after.choices ?? before.choices ?? [])
        if direction == .request, after.choices != nil {
            if before.choices == nil {
                add(.choicesNarrowed, "\(what) may only be one of a few any more", new: after.line)
            } else if !gone.isEmpty {
                let names = gone.sorted().prefix(5).joined(separator: ", ")
                add(.choicesNarrowed, "\(what) may not be \(names) any more", new: after.line)
            }
        }
        for property in before.properties {
            let name = "\(what), property \(property.name)"
            guard let other = after.properties.first(where: { $0.name == property.name }) else {
                add(.propertyRemoved, "\(name) was removed", former: property.line)
                continue
            }
            let (was, isNow) = (before.required.contains(property.name), after.required.contains(property.name))
            switch direction {
            case .request where isNow && !was:
                add(.propertyRequired, "\(name) has become required", new: other.line)
            case .response where was && !isNow:
                add(.noLongerPromised, "\(name) may be missing from now on", new: other.line)
            case .request, .response:
                break
            }
            schemas(property.schema, other.schema, direction, name, depth + 1, line: other.line)
        }
        if direction == .request {
            for property in after.properties
            where after.required.contains(property.name)
                && !before.properties.contains(where: { $0.name == property.name })
            {
                add(
                    .propertyRequired, "\(what), property \(property.name) is new and required", new: property.line)
            }
        }
        schemas(before.items, after.items, direction, "\(what), element", depth + 1, line: after.line)
    }

    private mutating func types(
        _ before: Shape, _ after: Shape, _ direction: Direction, _ what: String, line: Int
    ) {
        let (wide, narrow) = direction == .request ? (after.types, before.types) : (before.types, after.types)
        // No type at all means any.
        guard !wide.isEmpty else { return }
        func fits(_ type: String) -> Bool { wide.contains(type) || (type == "integer" && wide.contains("number")) }
        guard narrow.isEmpty || !narrow.allSatisfy(fits) else { return }
        func shown(_ types: Set<String>) -> String {
            types.isEmpty ? "anything" : types.sorted().joined(separator: "|")
        }
        add(.typeChanged, "\(what) was \(shown(before.types)) and is \(shown(after.types)) now", new: line)
    }
}
