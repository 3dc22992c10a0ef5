import JSONTools

/// A folder of templates for one stack, such as `node-web`: shared files, and features of which a project has one.
struct StackTemplate: Sendable, Hashable {
    /// Something that a caller may choose.
    struct Option: Sendable, Hashable {
        var name: String
        /// What it has to be, as a JSON Schema with a default.
        var schema: JSONValue
        var description: String

        /// The value without a choice.
        var defaultValue: JSONValue { schema["default"] ?? .null }
        /// Whether its value can't hold anything but what the template names: truth values, numbers, one of a list.
        var isTrusted: Bool { schema["enum"] != nil || schema["type"] != "string" }
    }

    /// A value that is made from another.
    struct Computed: Sendable, Hashable {
        /// How words are put together.
        enum Style: String, Sendable, Hashable, CaseIterable {
            case kebab, snake, camel, pascal
        }

        var name: String
        /// `slug`, or an option.
        var source: String
        var style: Style
        var suffix: String

        /// The value for a text of words.
        func callAsFunction(_ text: String) -> String {
            let words = text.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.map { $0.lowercased() }
            let capitals = words.map { $0.prefix(1).uppercased() + $0.dropFirst() }
            let joined =
                switch style {
                case .kebab: words.joined(separator: "-")
                case .snake: words.joined(separator: "_")
                case .camel: (words.prefix(1) + capitals.dropFirst()).joined()
                case .pascal: capitals.joined()
                }
            return joined + suffix
        }
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
    /// Folders of files that this stack shares with others, below those of its own.
    var layers: [String]
    var options: [Option]
    var computed: [Computed]
    var conditions: [Condition]
    var manifest: JSONObject

    /// The feature that stores entities; nil when the stack has none.
    var entityFeature: FeatureTemplate? { features.first { $0.entities != nil } }

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
    /// Where a project keeps what it stores.
    struct Entities: Sendable, Hashable {
        /// Folder of the models, one file each.
        var models: String
        /// The OpenAPI description of the API.
        var description: String
    }

    /// Name of the folder below `features/`.
    var name: String
    /// A few words, as in "a calculator with an API and a page".
    var summary: String
    /// What a project is said to be when nobody described it.
    var description: String
    var keywords: [String]
    /// Folders of files that this feature shares with those of other stacks, below its own.
    var layers: [String]
    /// Set for the feature that stores entities.
    var entities: Entities?
    /// Values for the templates, such as the rows of a table.
    var values: JSONObject
    var manifest: JSONObject
}
