import JSONTools
import ProjectTools

/// All templates of a folder, with the rules that choose among them.
struct TemplateCatalog: Sendable, Hashable {
    /// Absolute path of the folder.
    var directory: String
    /// In order of preference; never empty.
    var stacks: [StackTemplate]
    /// Words of stacks that have no template yet, by the name of the stack.
    var notYet: [String: [String]]

    /// Largest template file, in bytes.
    static let maxFileBytes = 1 << 20
}

extension TemplateCatalog {
    /// Reads `rules.yaml` and the descriptions of the stacks that it lists.
    ///
    /// - Parameter directory: absolute path of the folder, `share/templates`.
    /// - Throws: ``TemplateError`` naming the file and what is wrong in it.
    static func load(from directory: String) throws(TemplateError) -> TemplateCatalog {
        let rules = try document("rules.yaml", in: directory)
        try rules.refuseUnknown(["stacks", "not_yet"])
        var stacks: [StackTemplate] = []
        for name in try rules.texts("stacks") { stacks.append(try stack(name, in: directory)) }
        guard !stacks.isEmpty else { throw TemplateError(file: rules.file, message: "stacks: expected at least one") }
        var notYet: [String: [String]] = [:]
        for (name, words) in try rules.object("not_yet") {
            notYet[name] = words.arrayValue?.compactMap(\.stringValue) ?? []
        }
        return TemplateCatalog(directory: directory, stacks: stacks, notYet: notYet)
    }

    private static func stack(_ name: String, in directory: String) throws(TemplateError) -> StackTemplate {
        let document = try document("\(name)/template.yaml", in: directory)
        try document.refuseUnknown([
            "version", "title", "keywords", "features", "fallback", "entities", "options", "conditions", "manifest",
        ])
        var features: [FeatureTemplate] = []
        for feature in try document.texts("features") {
            features.append(try self.feature(feature, of: name, in: directory))
        }
        let fallbackName = try document.text("fallback")
        guard let fallback = features.first(where: { $0.name == fallbackName }) else {
            throw TemplateError(file: document.file, message: "fallback: \(fallbackName) is not one of the features")
        }
        guard let version = document.value["version"]?.intValue else {
            throw TemplateError(file: document.file, message: "version: expected a number")
        }
        let options = try document.object("options").map { name, value in
            StackTemplate.Option(
                name: name,
                isOn: value["default"]?.boolValue ?? false,
                description: value["description"]?.stringValue ?? ""
            )
        }
        var conditions: [StackTemplate.Condition] = []
        for value in document.value["conditions"]?.arrayValue ?? [] {
            guard let path = value["path"]?.stringValue, let option = value["option"]?.stringValue,
                options.contains(where: { $0.name == option })
            else {
                throw TemplateError(
                    file: document.file, message: "conditions: \(value) needs a path and a known option")
            }
            conditions.append(StackTemplate.Condition(path: path, option: option))
        }
        return StackTemplate(
            name: name,
            version: version,
            title: try document.text("title"),
            keywords: try document.texts("keywords"),
            features: features,
            fallback: fallback,
            makesEntities: document.value["entities"]?.boolValue ?? false,
            options: options,
            conditions: conditions,
            manifest: try document.object("manifest")
        )
    }

    private static func feature(
        _ name: String, of stack: String, in directory: String
    ) throws(TemplateError) -> FeatureTemplate {
        let document = try document("\(stack)/features/\(name)/feature.yaml", in: directory)
        try document.refuseUnknown(["summary", "description", "keywords", "values", "manifest"])
        return FeatureTemplate(
            name: name,
            summary: try document.text("summary"),
            description: try document.text("description"),
            keywords: try document.texts("keywords"),
            values: try document.object("values"),
            manifest: try document.object("manifest")
        )
    }

    private static func document(_ file: String, in directory: String) throws(TemplateError) -> YAMLDocument {
        guard let bytes = SmallFile.read(directory + "/" + file, maxBytes: maxFileBytes) else {
            throw TemplateError(
                file: file,
                message: "there is no such file in \(directory) (of at most \(maxFileBytes) bytes); "
                    + "does BATON_SHARE_DIR name Baton's share directory?"
            )
        }
        return try YAMLDocument(String(decoding: bytes, as: UTF8.self), file: file)
    }
}
