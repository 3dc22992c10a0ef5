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
/// `partials/`, which templates include. Files that end in `.mustache` are rendered and lose that ending; others are
/// copied byte for byte. Names of files and folders are templates too.
struct ProjectFiles {
    static let suffix = ".mustache"
    /// Most files in a template.
    static let maxFiles = 2000

    private let stack: StackTemplate
    private let feature: FeatureTemplate
    private let directory: String
    private let plan: ProjectPlan

    /// - Throws: ``TemplateError`` when the plan's template isn't there (any more).
    init(_ plan: ProjectPlan, in catalog: TemplateCatalog) throws(TemplateError) {
        guard let stack = catalog.stacks.first(where: { $0.name == plan.stack }),
            let feature = stack.features.first(where: { $0.name == plan.feature })
        else { throw TemplateError(file: ProjectPlan.path, message: "there is no template \(plan.template)") }
        self.stack = stack
        self.feature = feature
        directory = catalog.directory + "/" + stack.name
        self.plan = plan
    }

    /// The manifest of the project, `baton.json`.
    var manifest: JSONObject {
        StackTemplate.overlay(
            ["version": 1, "name": .string(plan.name.slug), "stack": .string(stack.name)],
            with: stack.manifest(with: feature))
    }

    /// All files of the project but its manifest and its plan, by path.
    func all() throws(TemplateError) -> [ProjectFile] {
        let renderer = try renderer()
        var files: [String: ProjectFile] = [:]
        for folder in ["base", "features/\(feature.name)"] {
            for name in try Self.list(directory + "/" + folder) where folder == "base" || name != "feature.yaml" {
                let source = "\(stack.name)/\(folder)/\(name)"
                let file = try make(name, from: directory + "/" + folder + "/" + name, source: source, renderer)
                if isWanted(file.path) { files[file.path] = file }
            }
        }
        return files.values.sorted { $0.path < $1.path }
    }

    private func isWanted(_ path: String) -> Bool {
        stack.conditions.allSatisfy { !$0.covers(path) || plan.options[$0.option] ?? false }
    }

    private func make(
        _ name: String, from path: String, source: String, _ renderer: TemplateRenderer
    ) throws(TemplateError) -> ProjectFile {
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

    private func renderer() throws(TemplateError) -> TemplateRenderer {
        var trusted: JSONObject = [
            "slug": .string(plan.name.slug), "year": .integer(Int64(plan.year)), "stack": .string(stack.name),
        ]
        for (name, value) in feature.values { trusted[name] = value }
        for (name, value) in plan.options { trusted[name] = .bool(value) }
        var partials: [String: String] = [:]
        for name in try Self.list(directory + "/partials") where name.hasSuffix(Self.suffix) {
            let bytes = SmallFile.read(directory + "/partials/" + name, maxBytes: TemplateCatalog.maxFileBytes) ?? []
            partials[String(name.dropLast(Self.suffix.count))] = String(decoding: bytes, as: UTF8.self)
        }
        return try TemplateRenderer(
            partials: partials,
            trusted: trusted,
            outside: [
                "title": plan.name.title, "description": plan.description, "requirements": plan.requirements,
            ]
        )
    }

    /// The regular files below a folder, relative to it; an absent folder has none. Links are not followed.
    private static func list(_ folder: String) throws(TemplateError) -> [String] {
        guard let found = FileManager.default.enumerator(atPath: folder) else { return [] }
        var files: [String] = []
        while let name = found.nextObject() as? String {
            guard found.fileAttributes?[.type] as? FileAttributeType == .typeRegular else { continue }
            files.append(name)
            if files.count > maxFiles {
                throw TemplateError(file: folder, message: "has more than \(maxFiles) files")
            }
        }
        return files.sorted()
    }
}
