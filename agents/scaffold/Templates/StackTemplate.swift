import JSONTools

/// A folder of templates for one stack, such as `node-web`: shared files, and features of which a project has one.
struct StackTemplate: Sendable, Hashable {
    /// Something that a caller may switch.
    struct Option: Sendable, Hashable {
        var name: String
        var isOn: Bool
        var description: String
    }

    /// Files that are there only if an option is on.
    struct Condition: Sendable, Hashable {
        /// A path in the project; a folder ends in a slash.
        var path: String
        var option: String

        /// Whether the condition speaks of the file at `path`.
        func covers(_ path: String) -> Bool {
            self.path.hasSuffix("/") ? path.hasPrefix(self.path) : path == self.path
        }
    }

    /// Name of the folder.
    var name: String
    /// Version of the template, kept in a project's answers.
    var version: Int
    var title: String
    var keywords: [String]
    /// In order of preference.
    var features: [FeatureTemplate]
    /// The feature that is taken when no keyword of any is found.
    var fallback: FeatureTemplate
    /// Whether there are templates for entities.
    var makesEntities: Bool
    var options: [Option]
    var conditions: [Condition]
    var manifest: JSONObject

    /// The manifest of a project with `feature`: the feature's own laid over the stack's.
    func manifest(with feature: FeatureTemplate) -> JSONObject {
        Self.overlay(manifest, with: feature.manifest)
    }

    /// Merges members and appends lists; anything else of `above` replaces what is below.
    static func overlay(_ below: JSONObject, with above: JSONObject) -> JSONObject {
        var result = below
        for (key, value) in above {
            switch (result[key], value) {
            case (.object(let old)?, .object(let new)): result[key] = .object(overlay(old, with: new))
            case (.array(let old)?, .array(let new)): result[key] = .array(old + new)
            default: result[key] = value
            }
        }
        return result
    }
}

/// What one kind of project has beside the files of its stack.
struct FeatureTemplate: Sendable, Hashable {
    /// Name of the folder below `features/`.
    var name: String
    /// A few words, as in "a calculator with an API and a page".
    var summary: String
    /// What a project is said to be when nobody described it.
    var description: String
    var keywords: [String]
    /// Values for the templates, such as the rows of a table.
    var values: JSONObject
    var manifest: JSONObject
}
