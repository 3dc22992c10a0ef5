import AgentRuntime
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
    /// How plain words become what an app stores.
    var entityRules = EntityRules()

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
        try rules.refuseUnknown(["stacks", "not_yet", "entities"])
        var stacks: [StackTemplate] = []
        for name in try rules.texts("stacks") { stacks.append(try stack(name, in: directory)) }
        guard !stacks.isEmpty else { throw TemplateError(file: rules.file, message: "stacks: expected at least one") }
        var notYet: [String: [String]] = [:]
        for (name, words) in try rules.object("not_yet") {
            notYet[name] = words.arrayValue?.compactMap(\.stringValue) ?? []
        }
        var entityRules = try EntityRules(.object(try rules.object("entities")), file: rules.file)
        entityRules.technologies = Set(stacks.flatMap(\.keywords) + notYet.values.joined())
        return TemplateCatalog(directory: directory, stacks: stacks, notYet: notYet, entityRules: entityRules)
    }

    /// Reads a folder that is a stack itself.
    ///
    /// - Throws: ``TemplateError``.
    static func load(stackIn folder: String) throws(TemplateError) -> TemplateCatalog {
        let parts = folder.split(separator: "/").map(String.init)
        let parent = "/" + parts.dropLast().joined(separator: "/")
        let stack = try stack(parts.last ?? "", in: parent)
        return TemplateCatalog(directory: parent, stacks: [stack], notYet: [:])
    }

    private static func stack(_ name: String, in directory: String) throws(TemplateError) -> StackTemplate {
        let document = try document("\(name)/template.yaml", in: directory)
        try document.refuseUnknown([
            "version", "title", "keywords", "features", "fallback", "layers", "options", "computed", "conditions",
            "manifest",
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
        let options = try options(document)
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
            layers: try layers(document),
            options: options,
            computed: try computed(document, options),
            conditions: conditions,
            manifest: try document.object("manifest")
        )
    }

    /// The options, each a JSON Schema with `description` and `default`.
    private static func options(_ document: YAMLDocument) throws(TemplateError) -> [StackTemplate.Option] {
        var options: [StackTemplate.Option] = []
        for (name, value) in try document.object("options") {
            var schema = value.objectValue ?? [:]
            schema["description"] = nil
            if schema["type"] == nil { schema["type"] = "boolean" }
            func wrong(_ reason: String) -> TemplateError {
                TemplateError(file: document.file, message: "options.\(name): \(reason)")
            }
            guard ["boolean", "string", "integer"].contains(schema["type"]), let fallback = schema["default"] else {
                throw wrong("expected a type (boolean, string or integer) and a default")
            }
            let violations: [JSONSchema.Violation]
            do { violations = try JSONSchema(.object(schema)).validate(fallback) } catch { throw wrong("\(error)") }
            if let first = violations.first { throw wrong("default: \(first.message)") }
            options.append(
                StackTemplate.Option(
                    name: name, schema: .object(schema), description: value["description"]?.stringValue ?? ""))
        }
        return options
    }

    private static func computed(
        _ document: YAMLDocument, _ options: [StackTemplate.Option]
    ) throws(TemplateError) -> [StackTemplate.Computed] {
        var list: [StackTemplate.Computed] = []
        for (name, value) in try document.object("computed") {
            guard let style = value["style"]?.stringValue.flatMap(StackTemplate.Computed.Style.init(rawValue:)),
                let source = value["of"]?.stringValue,
                source == "slug" || options.contains(where: { $0.name == source })
            else {
                let styles = StackTemplate.Computed.Style.allCases.map(\.rawValue).joined(separator: ", ")
                throw TemplateError(
                    file: document.file,
                    message: "computed.\(name): expected \"of\", slug or an option, and \"style\", one of \(styles)")
            }
            list.append(
                StackTemplate.Computed(
                    name: name, source: source, style: style, suffix: value["suffix"]?.stringValue ?? ""))
        }
        return list
    }

    /// Folders beside the stacks.
    private static func layers(_ document: YAMLDocument) throws(TemplateError) -> [String] {
        let layers = try document.texts("layers")
        for layer in layers where !ProjectManifest.isRelativePath(layer) {
            throw TemplateError(file: document.file, message: "layers: \(layer) leads out of the templates' folder")
        }
        return layers
    }

    private static func feature(
        _ name: String, of stack: String, in directory: String
    ) throws(TemplateError) -> FeatureTemplate {
        let document = try document("\(stack)/features/\(name)/feature.yaml", in: directory)
        try document.refuseUnknown([
            "summary", "description", "keywords", "layers", "entities", "values", "manifest",
        ])
        var entities: FeatureTemplate.Entities?
        if let value = document.value["entities"] {
            guard let models = value["models"]?.stringValue, let description = value["description"]?.stringValue,
                ProjectManifest.isRelativePath(models), ProjectManifest.isRelativePath(description)
            else {
                throw TemplateError(
                    file: document.file, message: "entities: expected paths \"models\" and \"description\"")
            }
            entities = FeatureTemplate.Entities(models: models, description: description)
        }
        return FeatureTemplate(
            name: name,
            summary: try document.text("summary"),
            description: try document.text("description"),
            keywords: try document.texts("keywords"),
            layers: try layers(document),
            entities: entities,
            values: try document.object("values"),
            manifest: try document.object("manifest")
        )
    }

    private static func document(_ file: String, in directory: String) throws(TemplateError) -> YAMLDocument {
        guard let bytes = SmallFile.read(try path(file, in: directory), maxBytes: maxFileBytes) else {
            throw TemplateError(
                file: file,
                message: "there is no such file in \(directory) (of at most \(maxFileBytes) bytes); "
                    + "does BATON_SHARE_DIR name Baton's share directory?"
            )
        }
        return try YAMLDocument(String(decoding: bytes, as: UTF8.self), file: file)
    }

    /// The absolute path of something in a folder of templates.
    ///
    /// - Throws: ``TemplateError`` when it leads out of the folder, as a link in somebody's repository may.
    static func path(_ file: String, in directory: String) throws(TemplateError) -> String {
        do {
            return try Workspace(root: directory).resolve(file)
        } catch let failure as ActionFailure where failure.code == "PATH_OUTSIDE_WORKSPACE" {
            throw TemplateError(file: file, message: "leads out of the templates' folder")
        } catch {
            // There is no such folder: what reads the file says so.
            return directory + "/" + file
        }
    }
}
