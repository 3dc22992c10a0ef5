import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import WorkflowCore
import WorkflowDefinitions
import WorkflowStorage

/// Workflow types: listed, shown, checked, and kept.
struct DefinitionController: Sendable {
    /// The content types of a definition.
    static let types = [
        "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "application/json", "text/plain",
    ]

    let services: APIServices

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/definitions", readsQuery: true, definitions)
        routes.on(.post, "/api/v1/definitions", needs: .administer, deed: "createDefinition", create)
        routes.on(.post, "/api/v1/definitions/validate", needs: .look, validate)
        routes.on(.get, "/api/v1/definitions/{name}", readsQuery: true, definition)
        routes.on(.put, "/api/v1/definitions/{name}", needs: .administer, deed: "replaceDefinition", replace)
        routes.on(.get, "/api/v1/definitions/{name}/versions", readsQuery: true, versions)
    }

    @Sendable private func definitions(_ request: Request, _ context: APIContext) async throws -> Response {
        var reader = QueryReader(request, allowed: PageRequest.names)
        let page = PageRequest(&reader, upTo: PageRequest.largeLimit, default: PageRequest.largeLimit, count: 1)
        try reader.check()
        let newest = try await services.definitions.newestByName().values.map(\.stored)
            .filter { definition in page.after.map { definition.name > $0[0] } ?? true }
            .sorted { $0.name < $1.name }
        return page.response(Array(newest.prefix(page.limit + 1)), \.item) { [$0.name] }
    }

    @Sendable private func definition(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryReader(request, allowed: ["version"])
        let wanted = query.number("version", in: 1...Int64(Int32.max), default: 0)
        try query.check()
        let name = context.parameters.get("name") ?? ""
        let version = wanted == 0 ? nil : Int(wanted)
        guard let stored = try await services.orchestrator.definitions.definition(named: name, version: version) else {
            let names = try await services.definitions.newestByName().keys.sorted()
            let meant = closestMatch(name, in: names).map { "; did you mean '\($0)'?" } ?? ""
            let what = "'\(WorkflowRequest.shortened(name))'" + (version.map { " in version \($0)" } ?? "")
            throw Problem.notFound("there is no definition \(what); there are \(names.joined(separator: ", "))\(meant)")
        }
        return Response(document: stored.document, to: request)
    }

    @Sendable private func validate(_ request: Request, _ context: APIContext) async throws -> Response {
        let text = try await self.text(of: request)
        do throws(DefinitionErrors) {
            let definition = try DefinitionParser.parse(text: text, fileName: "definition")
            return Response(
                json: [
                    "valid": true, "name": .string(definition.name), "stage_count": JSONValue(definition.stages.count),
                    "errors": [],
                ])
        } catch {
            let faults = error.faults.map { fault -> JSONValue in
                [
                    "line": JSONValue(fault.line), "column": JSONValue(fault.column),
                    "pointer": .string("\(fault.pointer)"), "message": .string(fault.message),
                ]
            }
            return Response(json: ["valid": false, "errors": .array(faults)])
        }
    }

    @Sendable private func versions(_ request: Request, _ context: APIContext) async throws -> Response {
        var reader = QueryReader(request, allowed: PageRequest.names)
        let page = PageRequest(
            &reader, upTo: PageRequest.largeLimit, default: PageRequest.largeLimit, count: 1
        ) { Int32($0[0]) != nil }
        try reader.check()
        let name = context.parameters.get("name") ?? ""
        let before = page.after.flatMap { Int($0[0]) }
        let versions = try await services.orchestrator.definitions.versions(
            of: name, before: before, limit: page.limit + 1)
        if versions.isEmpty, try await services.orchestrator.definitions.definition(named: name) == nil {
            throw Problem.notFound("there is no definition '\(WorkflowRequest.shortened(name))'")
        }
        return page.response(
            versions,
            { version in
                [
                    "version": JSONValue(version.version), "hash": .string(version.hash),
                    "created_at": JSONValue(version.createdAt),
                ]
            }, cursor: { ["\($0.version)"] })
    }

    // MARK: Keeping

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        try await keep(request, named: nil, context)
    }

    @Sendable private func replace(_ request: Request, _ context: APIContext) async throws -> Response {
        try await keep(request, named: context.parameters.get("name") ?? "", context)
    }

    /// Whether the definition is still the one that the caller has seen (`If-Match`).
    ///
    /// - Throws: 412 if not.
    private static func requireUnchanged(_ present: StoredDefinition?, _ request: Request) throws(Problem) {
        guard let field = request.headers[.ifMatch] else { return }
        let tag = present.map { EntityTag.of($0.document.encoded()) }
        guard let tag, EntityTag.isNamed(tag, in: field) else {
            throw Problem(
                status: .preconditionFailed, kind: "changed", title: "It has changed meanwhile",
                detail: present.map { "\($0.name) is at version \($0.version) now: look at it again" }
                    ?? "there is no such definition",
                members: ["version": present.map { JSONValue($0.version) } ?? .null])
        }
    }

    /// Keeps a definition in the data directory, where it is found at the next start, and in the record.
    private func keep(_ request: Request, named name: String?, _ context: APIContext) async throws -> Response {
        let text = try await self.text(of: request)
        let definition: WorkflowDefinition
        do throws(DefinitionErrors) {
            definition = try DefinitionParser.parse(text: text, fileName: "definition")
        } catch {
            throw Problem.invalid(
                error.faults.map { fault in
                    Problem.Fault(
                        pointer: "\(fault.pointer)",
                        message: "line \(fault.line), column \(fault.column): \(fault.message)")
                })
        }
        if let name, name != definition.name {
            throw Problem.invalid([
                Problem.Fault(
                    pointer: "/name",
                    message: "found '\(definition.name)'; expected '\(WorkflowRequest.shortened(name))', as in the path"
                )
            ])
        }
        let folder = DefinitionFolder(services.settings.dataDirectory + "/definitions")
        let (before, version) = try await folder.alone {
            let before = try await services.orchestrator.definitions.definition(named: definition.name)
            if name != nil { try Self.requireUnchanged(before, request) }
            let undo = try folder.keep(text, of: definition.name)
            do {
                return (before, try await services.orchestrator.definitions.store(definition, source: text))
            } catch {
                try undo()
                throw error
            }
        }
        services.definitions.forget()
        context.note.target = definition.name
        context.note.detail = "version \(version)"
        guard
            let stored = try await services.orchestrator.definitions.definition(
                named: definition.name, version: version)
        else { throw Problem.internalFault }
        let isNew = before?.version != version
        return Response(
            status: isNew ? .created : .ok, json: stored.document,
            headers: isNew ? [.location: "/api/v1/definitions/\(definition.name)?version=\(version)"] : [:])
    }

    private func text(of request: Request) async throws -> String {
        try BodyReader.requireType(of: request, Self.types)
        let bytes = try await services.bodies.bytes(of: request)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Problem.brokenBody("the body is not UTF-8; expected a definition as YAML or JSON")
        }
        return text
    }
}
