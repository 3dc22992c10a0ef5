import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import WorkflowCore
import WorkflowStorage

/// What happened to a workflow: tasks, events, log lines, files.
struct TrailController: Sendable {
    /// Most items of a page of events or log lines.
    static let maxLimit: Int64 = 1000
    /// Most attempts or files of a workflow that are listed.
    static let maxItems = 5000
    /// Most streams at a time.
    static let maxStreams = 512

    let services: APIServices
    private let streams = StreamLimit(maximum: maxStreams)

    init(_ services: APIServices) {
        self.services = services
    }

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/workflows/{id}/tasks", tasks)
        routes.on(.get, "/api/v1/workflows/{id}/events", readsQuery: true, events)
        routes.on(.get, "/api/v1/workflows/{id}/logs", readsQuery: true, logs)
        routes.on(.get, "/api/v1/workflows/{id}/artifacts", artifacts)
    }

    @Sendable private func tasks(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try await knownWorkflow(context)
        return Response(json: page(try await services.store.tasks(of: id, limit: Self.maxItems).map(\.document)))
    }

    @Sendable private func artifacts(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try await knownWorkflow(context)
        return Response(json: page(try await services.store.artifacts(of: id, limit: Self.maxItems).map(\.document)))
    }

    @Sendable private func events(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryReader(request, allowed: ["after", "cursor", "limit", "stream"])
        let place = TrailPlace(&query, request)
        try query.check()
        let id = try await knownWorkflow(context)
        if place.isStream {
            let source = TrailStream(
                services, workflowID: id, tenant: try context.knownCaller.tenant, quiet: .zero
            ) { after in
                try await services.store.events(of: id, after: after, limit: 200).map {
                    StreamEvent(id: $0.sequence, kind: $0.kind, data: $0.document)
                }
            }
            return try EventStreamer(source: source, limit: streams).response(after: place.after, on: context.channel)
        }
        var rows = try await services.store.events(of: id, after: place.after, limit: place.limit + 1)
        let hasMore = rows.count > place.limit
        if hasMore { rows.removeLast() }
        return Response(
            json: page(rows.map(\.document), next: hasMore ? rows.last.map { "\($0.sequence)" } : nil))
    }

    @Sendable private func logs(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryReader(request, allowed: ["after", "cursor", "limit", "stream", "stage"])
        let place = TrailPlace(&query, request)
        let stage = query.text("stage")
        try query.check()
        let id = try await knownWorkflow(context)
        if place.isStream {
            let source = TrailStream(
                services, workflowID: id, tenant: try context.knownCaller.tenant, quiet: .seconds(2)
            ) { after in
                try await services.store.logs(of: id, stage: stage, after: after, limit: 500).map {
                    StreamEvent(id: $0.id, kind: "log", data: $0.document)
                }
            }
            return try EventStreamer(source: source, limit: streams).response(after: place.after, on: context.channel)
        }
        var rows = try await services.store.logs(of: id, stage: stage, after: place.after, limit: place.limit + 1)
        let hasMore = rows.count > place.limit
        if hasMore { rows.removeLast() }
        return Response(json: page(rows.map(\.document), next: hasMore ? rows.last.map { "\($0.id)" } : nil))
    }

    private func knownWorkflow(_ context: APIContext) async throws -> UniqueID {
        let id = try WorkflowController.id(in: context)
        guard try await services.store.isTerminal(id, tenant: try context.knownCaller.tenant) != nil else {
            throw Problem.notFound("there is no workflow \(id)")
        }
        return id
    }
}

/// Where a page or stream of events or log lines begins.
private struct TrailPlace {
    var after: Int64
    var limit: Int
    var isStream: Bool

    /// `Last-Event-ID`, `cursor` and `after` mean the same; the most specific one counts.
    init(_ query: inout QueryReader, _ request: Request) {
        let whole: ClosedRange<Int64> = 0...Int64.max
        after = query.number("after", in: whole, default: 0)
        after = query.number("cursor", in: whole, default: after)
        limit = Int(query.number("limit", in: 1...TrailController.maxLimit, default: 200))
        isStream = query.flag("stream")
        if let name = HTTPField.Name("Last-Event-ID"), let text = request.headers[name], !text.isEmpty {
            if let id = Int64(text), id >= 0 {
                after = id
            } else {
                query.refuse(
                    "Last-Event-ID", "found '\(WorkflowRequest.shortened(text))' in the header; expected a number")
            }
        }
    }
}
