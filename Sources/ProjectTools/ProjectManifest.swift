public import JSONTools

/// What a project says of itself in `baton.json`: how to install, check, test and start it.
///
/// A command is a list of argument lists, run one after the other without a shell; an absent command is skipped.
public struct ProjectManifest: Sendable, Hashable {
    /// Name of the file at the root of a project.
    public static let fileName = "baton.json"
    /// Largest manifest that is read, in bytes.
    public static let maxBytes = 256 * 1024
    /// Most argument lists in one command.
    public static let maxArgumentLists = 50

    /// Name of the project.
    public var name: String
    /// The stack that it was made from, such as `node-web`; empty when the manifest doesn't say.
    public var stack: String
    /// Argument lists by command name (`install`, `test`, `start`, …); no list is empty.
    public var commands: [String: [[String]]]
    /// Path that answers 2xx when the app is well; starts with a slash.
    public var health: String
    /// Paths of the reports that commands write, relative to the project, by kind (`junit`, `coverage`).
    public var reports: [String: String]
    /// The whole document, for sections that belong to one agent only.
    public var json: JSONObject

    /// The argument lists of a command; nil when the project has no such command.
    public func commands(_ name: String) -> [[String]]? { commands[name] }
}

extension ProjectManifest {
    /// Reads a manifest from its JSON form.
    ///
    /// - Parameter json: The document; members that are not known here are kept in ``json``.
    /// - Throws: ``ManifestError`` `INVALID_MANIFEST` naming the first member that is wrong.
    public init(json: JSONValue) throws(ManifestError) {
        guard let object = json.objectValue else {
            throw ManifestError(pointer: "", expected: "an object", found: json)
        }
        guard object["version"] == 1 else {
            throw ManifestError(pointer: "/version", expected: "1", found: object["version"])
        }
        guard let name = object["name"]?.stringValue, !name.isEmpty, name.utf8.count <= 200 else {
            throw ManifestError(pointer: "/name", expected: "text of 1 to 200 bytes", found: object["name"])
        }
        self.name = name
        stack = try Self.text(object["stack"], at: "/stack") ?? ""
        health = try Self.text(object["health"], at: "/health") ?? "/health"
        guard Self.isRequestPath(health) else {
            throw ManifestError(
                pointer: "/health", expected: "a path that starts with a slash, without spaces", found: object["health"]
            )
        }
        commands = [:]
        for (key, value) in try Self.members(object["commands"], at: "/commands") {
            commands[key] = try Self.argumentLists(value, at: "/commands/\(key)")
        }
        reports = [:]
        for (key, value) in try Self.members(object["reports"], at: "/reports") {
            guard let path = value.stringValue, Self.isRelativePath(path) else {
                throw ManifestError(pointer: "/reports/\(key)", expected: "a path inside the project", found: value)
            }
            reports[key] = path
        }
        self.json = object
    }

    /// Whether `path` can stand in a request line as it is: printable ASCII that starts with one slash.
    public static func isRequestPath(_ path: String) -> Bool {
        path.hasPrefix("/") && !path.hasPrefix("//") && path.utf8.count <= 1000
            && path.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// Whether `path` stays below the directory that it is relative to, symbolic links aside.
    public static func isRelativePath(_ path: String) -> Bool {
        !path.isEmpty && !path.hasPrefix("/") && !path.utf8.contains(0)
            && !path.split(separator: "/", omittingEmptySubsequences: false).contains("..")
    }

    private static func text(_ value: JSONValue?, at pointer: String) throws(ManifestError) -> String? {
        guard let value else { return nil }
        guard let text = value.stringValue else {
            throw ManifestError(pointer: pointer, expected: "text", found: value)
        }
        return text
    }

    private static func members(_ value: JSONValue?, at pointer: String) throws(ManifestError) -> JSONObject {
        guard let value else { return [:] }
        guard let object = value.objectValue else {
            throw ManifestError(pointer: pointer, expected: "an object", found: value)
        }
        return object
    }

    private static func argumentLists(_ value: JSONValue, at pointer: String) throws(ManifestError) -> [[String]] {
        guard let lists = value.arrayValue, !lists.isEmpty, lists.count <= maxArgumentLists else {
            throw ManifestError(
                pointer: pointer, expected: "a list of 1 to \(maxArgumentLists) argument lists", found: value)
        }
        var commands: [[String]] = []
        for (index, list) in lists.enumerated() {
            let arguments = list.arrayValue?.compactMap(\.stringValue) ?? []
            guard let first = arguments.first, !first.isEmpty, arguments.count == list.arrayValue?.count,
                arguments.allSatisfy({ !$0.utf8.contains(0) })
            else {
                throw ManifestError(
                    pointer: "\(pointer)/\(index)",
                    expected: #"a list of texts such as ["node", "src/server.js"]"#,
                    found: list
                )
            }
            commands.append(arguments)
        }
        return commands
    }
}
