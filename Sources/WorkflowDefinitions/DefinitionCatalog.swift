import FoundationEssentials
import JSONTools
public import WorkflowCore

/// The definitions of some directories, by name.
public struct DefinitionCatalog: Sendable {
    /// A definition with the file it came from.
    public struct Entry: Sendable, Hashable {
        /// The definition.
        public let definition: WorkflowDefinition
        /// The path of its file.
        public let path: String
    }

    /// The definitions by their names.
    public private(set) var entries: [String: Entry] = [:]
    /// The files that hold no valid definition, with all that is wrong. They are left out of `entries`.
    public private(set) var errors: [DefinitionErrors] = []

    /// An empty catalog.
    public init() {}

    /// Reads all files whose names end in `.yaml`, `.yml` or `.json`, but not those that begin with a dot.
    ///
    /// A file need not be called like the definition in it. Two files of one directory that hold definitions of the same
    /// name are an error; a later directory's definition replaces an earlier one's, so that users can have an `app` of
    /// their own. A directory that does not exist counts as empty.
    ///
    /// - Parameter directories: paths, the most important last.
    /// - Returns: the catalog; look at `errors` before relying on it.
    public static func load(directories: [String]) -> DefinitionCatalog {
        var catalog = DefinitionCatalog()
        for directory in directories { catalog.add(directory: directory) }
        return catalog
    }

    /// The names of all definitions, in alphabetical order.
    public var names: [String] { entries.keys.sorted() }

    /// The definition of that name, or nil if there is none.
    public subscript(name: String) -> WorkflowDefinition? { entries[name]?.definition }

    /// What to say of a name that is not in the catalog: that it is unknown, the nearest name, and which there are.
    public func unknownNameMessage(_ name: String) -> String {
        guard !entries.isEmpty else { return "found the workflow type '\(name)', but there are no definitions" }
        return "found the unknown workflow type '\(name)'; expected one of \(names.joined(separator: ", "))"
            + suggestion(for: name, among: names)
    }

    private mutating func add(directory: String) {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory) else { return }
        let files: [String]
        do {
            files = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            addError(directory, "this cannot be read as a directory: \(error)")
            return
        }
        var found: [String: Entry] = [:]
        for file in files.sorted() where Self.isDefinitionFile(file) {
            let path = directory.hasSuffix("/") ? directory + file : directory + "/" + file
            guard let definition = read(path) else { continue }
            if let other = found[definition.name] {
                addError(path, "found a second definition '\(definition.name)'; the first is in \(other.path)")
            } else {
                found[definition.name] = Entry(definition: definition, path: path)
            }
        }
        entries.merge(found) { _, later in later }
    }

    private static func isDefinitionFile(_ name: String) -> Bool {
        !name.hasPrefix(".") && [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
    }

    private mutating func read(_ path: String) -> WorkflowDefinition? {
        guard let data = FileManager.default.contents(atPath: path) else {
            addError(path, "this file cannot be read")
            return nil
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            addError(path, "this file is not UTF-8")
            return nil
        }
        do {
            return try DefinitionParser.parse(text: text, fileName: path)
        } catch {
            errors.append(error)
            return nil
        }
    }

    private mutating func addError(_ path: String, _ message: String) {
        errors.append(
            DefinitionErrors(fileName: path, position: SourcePosition(line: 1, column: 1), message: message))
    }
}
