import AgentRuntime
import Foundation
import JSONTools
import ProjectTools

/// A file of a project that is to be written.
struct ProjectFile: Sendable, Hashable {
    /// Relative to the project.
    var path: String
    var bytes: [UInt8]
    var isExecutable: Bool
}

/// Makes the files of a project from its plan.
///
/// A stack's folder holds `base/`, which every project has, `features/NAME/`, whose files win over those of the base, and
/// `partials/`, which templates include. Folders that several stacks share (`layers`) have `base/`, `entities/` and
/// `partials/` of their own and lie below. Files that end in `.mustache` are rendered and lose that ending; others are copied
/// byte for byte. Names of files and folders are templates too. What lies in an `entities/` folder is made once for each
/// entity, with its values as `entity`.
struct ProjectFiles {
    static let suffix = ".mustache"
    /// Most files in a template.
    static let maxFiles = 2000

    private let stack: StackTemplate
    private let feature: FeatureTemplate
    /// Folder of all templates.
    private let root: String
    private let plan: ProjectPlan

    /// - Throws: ``TemplateError`` when the plan's template isn't there (any more).
    init(_ plan: ProjectPlan, in catalog: TemplateCatalog) throws(TemplateError) {
        guard let stack = catalog.stacks.first(where: { $0.name == plan.stack }),
            let feature = stack.features.first(where: { $0.name == plan.feature })
        else { throw TemplateError(file: ProjectPlan.path, message: "there is no template \(plan.template)") }
        self.stack = stack
        self.feature = feature
        root = catalog.directory
        self.plan = plan
    }

    /// The manifest of the project, `baton.json`; what the feature's and its layers' `manifest.json.mustache`
    /// render to lies above all.
    func manifest() throws(TemplateError) -> JSONObject {
        let manifest = StackTemplate.overlay(
            ["version": 1, "name": .string(plan.name.slug), "stack": .string(stack.name)],
            with: stack.manifest(with: feature))
        var result = manifest
        for folder in feature.layers + [featureFolder] {
            let source = "\(folder)/\(Self.manifestTemplate)"
            guard
                let bytes = SmallFile.read(
                    try TemplateCatalog.path(source, in: root), maxBytes: TemplateCatalog.maxFileBytes)
            else {
                continue
            }
            let text = try renderer().render(String(decoding: bytes, as: UTF8.self), file: source)
            guard let object = (try? JSONValue(parsing: text))?.objectValue else {
                throw TemplateError(file: source, message: "does not render to a JSON object")
            }
            result = StackTemplate.overlay(result, with: object)
        }
        return result
    }

    /// All files of the project but its manifest and its plan, by path.
    func all() throws(TemplateError) -> [ProjectFile] {
        let renderer = try renderer()
        var files: [String: ProjectFile] = [:]
        let folders =
            stack.layers.map { $0 + "/base" } + [stack.name + "/base"] + feature.layers.map { $0 + "/base" }
            + [featureFolder]
        for folder in folders {
            for name in try list(folder) where folder != featureFolder || !Self.isDescription(name) {
                let file = try make(name, in: folder, renderer)
                if isWanted(file.path) { files[file.path] = file }
            }
        }
        for file in try filesOfEntities() { files[file.path] = file }
        return files.values.sorted { $0.path < $1.path }
    }

    /// The models, the files that are made once for each entity, and the description of the API.
    func filesOfEntities() throws(TemplateError) -> [ProjectFile] {
        guard let paths = feature.entities else { return [] }
        var files: [ProjectFile] = []
        func add(_ json: JSONObject, _ path: String) {
            let bytes = Array((JSONValue.object(json).prettyPrinted() + "\n").utf8)
            files.append(ProjectFile(path: path, bytes: bytes, isExecutable: false))
        }
        add(OpenAPIDocument.json(title: plan.name.title, entities: plan.entities), paths.description)
        for (index, entity) in plan.entities.enumerated() {
            var model = entity.json
            model["position"] = .integer(Int64(index + 1))
            add(model, "\(paths.models)/\(entity.name).json")
            let renderer = try renderer(entity)
            for folder in feature.layers.map({ $0 + "/entities" }) + [featureFolder + "/entities"] {
                for name in try list(folder) { files.append(try make(name, in: folder, renderer)) }
            }
        }
        return files
    }

    private static let manifestTemplate = "manifest.json.mustache"

    private var featureFolder: String { "\(stack.name)/features/\(feature.name)" }

    /// Whether a file in a feature's folder speaks of the feature and is none of the project's.
    private static func isDescription(_ name: String) -> Bool {
        name == "feature.yaml" || name == manifestTemplate || name.hasPrefix("entities/")
    }

    private func isWanted(_ path: String) -> Bool {
        stack.conditions.allSatisfy { !$0.covers(path) || plan.options[$0.option] == true }
    }

    private func make(
        _ name: String, in folder: String, _ renderer: TemplateRenderer
    ) throws(TemplateError) -> ProjectFile {
        let source = "\(folder)/\(name)"
        let path = try TemplateCatalog.path(source, in: root)
        guard let bytes = SmallFile.read(path, maxBytes: TemplateCatalog.maxFileBytes) else {
            throw TemplateError(file: source, message: "can't be read, or has more than 1 MiB")
        }
        var target = name.contains("<%") ? try renderer.render(name, file: source) : name
        let isTemplate = target.hasSuffix(Self.suffix)
        if isTemplate { target.removeLast(Self.suffix.count) }
        guard ProjectManifest.isRelativePath(target), target.allSatisfy(\.isPrintable) else {
            throw TemplateError(file: source, message: "\(target.debugDescription) can't be the path of a file")
        }
        let content: [UInt8]
        if isTemplate {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw TemplateError(file: source, message: "a template has to be UTF-8")
            }
            content = Array(try renderer.render(text, file: source).utf8)
        } else {
            content = bytes
        }
        return ProjectFile(
            path: target, bytes: content, isExecutable: FileManager.default.isExecutableFile(atPath: path))
    }

    private func renderer(_ entity: EntityModel? = nil) throws(TemplateError) -> TemplateRenderer {
        var trusted: JSONObject = [
            "slug": .string(plan.name.slug), "year": .integer(Int64(plan.year)), "stack": .string(stack.name),
        ]
        for (name, value) in feature.values { trusted[name] = value }
        var outside = [
            "title": plan.name.title, "description": plan.description, "requirements": plan.requirements,
        ]
        for option in stack.options {
            // A plan may have been written by hand since.
            let given = plan.options[option.name] ?? option.defaultValue
            let isGood = (try? JSONSchema(option.schema).validate(given).isEmpty) ?? false
            let value = isGood ? given : option.defaultValue
            if option.isTrusted { trusted[option.name] = value } else { outside[option.name] = value.stringValue ?? "" }
        }
        for computed in stack.computed {
            let source = trusted[computed.source] ?? .string(outside[computed.source] ?? "")
            trusted[computed.name] = .string(computed(source.stringValue ?? source.description))
        }
        trusted["entities"] = .array(plan.entities.map { .object($0.templateValues) })
        if let entity { trusted["entity"] = .object(entity.templateValues) }
        var partials: [String: String] = [:]
        for folder in stack.layers + feature.layers + [stack.name] {
            for name in try list(folder + "/partials") where name.hasSuffix(Self.suffix) {
                let path = try TemplateCatalog.path("\(folder)/partials/\(name)", in: root)
                let bytes = SmallFile.read(path, maxBytes: TemplateCatalog.maxFileBytes) ?? []
                partials[String(name.dropLast(Self.suffix.count))] = String(decoding: bytes, as: UTF8.self)
            }
        }
        return try TemplateRenderer(partials: partials, trusted: trusted, outside: outside)
    }

    /// The regular files below a folder, relative to it; an absent folder has none. Links are not followed.
    private func list(_ folder: String) throws(TemplateError) -> [String] {
        let path = try TemplateCatalog.path(folder, in: root)
        guard let found = FileManager.default.enumerator(atPath: path) else { return [] }
        var files: [String] = []
        while let name = found.nextObject() as? String {
            guard found.fileAttributes?[.type] as? FileAttributeType == .typeRegular else { continue }
            files.append(name)
            if files.count > Self.maxFiles {
                throw TemplateError(file: folder, message: "has more than \(Self.maxFiles) files")
            }
        }
        return files.sorted()
    }
}
