import AgentRuntime
import JSONTools
import ProjectTools

/// Adds entities to a project that was made from a template which stores some: models, tests, API description, manifest.
struct EntityAddition: Sendable {
    /// Most models that a project is read with.
    static let maxModels = 100

    let writer: WorkspaceWriter
    let catalog: TemplateCatalog

    /// Writes what the entities add to the project in the workspace.
    ///
    /// - Parameter value: `entities` of the input.
    /// - Returns: the new entities.
    /// - Throws: ``ActionFailure``: `NOT_FROM_TEMPLATE`, `ENTITY_EXISTS`, `INVALID_INPUT`, `TEMPLATE_INVALID`.
    func apply(_ value: JSONValue) throws -> [EntityModel] {
        guard var plan = try ProjectPlan.load(from: writer.workspace) else {
            throw ActionFailure(
                code: "NOT_FROM_TEMPLATE",
                message:
                    "The repository has no \(ProjectPlan.path), so it was not made from a template; pass the change as "
                    + "\"patch\" or \"branch\".")
        }
        let feature = catalog.stacks.first { $0.name == plan.stack }?.features.first { $0.name == plan.feature }
        guard let paths = feature?.entities else {
            throw ActionFailure(
                code: "NOT_FROM_TEMPLATE",
                message: "The project was made from \(plan.template), which stores no entities.")
        }
        let added = try EntityRequest.models(value, known: catalog.entityRules.knownFields)
        guard !added.isEmpty else { throw ActionFailure(code: "NOTHING_TO_DO", message: "entities names none.") }
        let present = try models(in: paths.models)
        for entity in added {
            guard let other = present.first(where: { $0.name == entity.name || $0.plural == entity.plural }) else {
                continue
            }
            throw ActionFailure(
                code: "ENTITY_EXISTS",
                message:
                    "The project stores \(other.plural) already; change \(paths.models)/\(other.name).json instead.")
        }
        do throws(TemplateError) {
            try write(added, after: present, &plan, paths)
        } catch {
            throw ActionFailure(error)
        }
        return added
    }

    private func write(
        _ added: [EntityModel], after present: [EntityModel], _ plan: inout ProjectPlan,
        _ paths: FeatureTemplate.Entities
    ) throws(TemplateError) {
        // What the new ones alone would add to a manifest and to the tests.
        plan.entities = added
        let fresh = try ProjectFiles(plan, in: catalog)
        let manifest = try fresh.manifest()
        plan.entities = present + added
        let whole = try ProjectFiles(plan, in: catalog)
        let names = Set(try fresh.filesOfEntities().map(\.path))
        // The files of all have the right order and the whole description; those of the old ones stay as they are.
        let files = try whole.filesOfEntities().filter { names.contains($0.path) }
        do {
            for file in files { try writer.write(file.bytes, to: file.path, isExecutable: file.isExecutable) }
            try writer.write(plan.json, to: ProjectPlan.path)
            try extendManifest(with: manifest["e2e"] ?? [:])
        } catch {
            throw TemplateError(file: ProjectPlan.path, message: "can't be written: \(error)")
        }
    }

    /// Puts what is new into the lists of the manifest's `e2e`.
    private func extendManifest(with addition: JSONValue) throws {
        let path = try writer.workspace.resolve(ProjectManifest.fileName)
        guard let bytes = SmallFile.read(path, maxBytes: ProjectManifest.maxBytes),
            var manifest = try JSONValue(parsing: bytes).objectValue
        else { return }
        var section = manifest["e2e"]?.objectValue ?? [:]
        for key in ["endpoints", "scenarios"] {
            let there = section[key]?.arrayValue ?? []
            let new = (addition[key]?.arrayValue ?? []).filter { !there.contains($0) }
            section[key] = .array(there + new)
        }
        manifest["e2e"] = .object(section)
        try writer.write(manifest, to: ProjectManifest.fileName)
    }

    /// The models of the project as they are now, in the order of the page.
    private func models(in folder: String) throws -> [EntityModel] {
        var found: [(Int, EntityModel)] = []
        let names = SmallFile.names(in: try writer.workspace.resolve(folder)).sorted().prefix(Self.maxModels)
        for name in names where name.hasSuffix(".json") {
            let path = try writer.workspace.resolve("\(folder)/\(name)")
            guard let bytes = SmallFile.read(path), let json = try? JSONValue(parsing: bytes),
                let model = EntityModel(json: json)
            else {
                throw ActionFailure(code: "INVALID_PROJECT", message: "\(folder)/\(name) is not a model.")
            }
            found.append((json["position"]?.intValue.map { Int($0) } ?? 0, model))
        }
        return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
