import HTTPTypes
import Hummingbird
import JSONTools
import OrchestratorEngine
import WorkflowCore
import WorkflowStorage

/// What happened to a workflow: tasks, events, log lines, files.
struct TrailController: Sendable {
    /// Most items of a page.
    static let maxLimit: Int64 = 1000
    /// Most streams at a time.
    static let maxStreams = 512

    let services: APIServices
    private let streams = StreamLimit(maximum: maxStreams)

    init(_ services: APIServices) {
        self.services = services
    }

    func addRoutes(to routes: inout RouteList) {
        routes.on(.get, "/api/v1/workflows/{id}/tasks", readsQuery: true, tasks)
        routes.on(.get, "/api/v1/workflows/{id}/events", readsQuery: true, events)
        routes.on(.get, "/api/v1/workflows/{id}/logs", readsQuery: true, logs)
        routes.on(.get, "/api/v1/workflows/{id}/artifacts", readsQuery: true, artifacts)
    }

    @Sendable private func tasks(_ request: Request, _ context: APIContext) async throws -> Response {
        var reader = QueryReader(request, allowed: PageRequest.names)
        let page = PageRequest(&reader, upTo: Self.maxLimit, default: Self.maxLimit, count: 3) {
            Int64($0[0]) != nil && UniqueID($0[1]) != nil && Int32($0[2]) != nil
        }
        try reader.check()
        var place: (createdAt: Timestamp, taskID: UniqueID, attempt: Int32)?
        if let after = page.after, let moment = Int64(after[0]), let id = UniqueID(after[1]),
            let attempt = Int32(after[2])
        {
            place = (Timestamp(microseconds: moment), id, attempt)
        }
        let id = try await knownWorkflow(context)
        return page.response(
            try await services.store.tasks(of: id, after: place, limit: page.limit + 1), \.document
        ) {
            ["\($0.createdAt.microseconds)", "\($0.taskID)", "\($0.attempt)"]
        }
    }

    @Sendable private func artifacts(_ request: Request, _ context: APIContext) async throws -> Response {
        var reader = QueryReader(request, allowed: PageRequest.names)
        let page = PageRequest(&reader, upTo: Self.maxLimit, default: Self.maxLimit, count: 4) {
            Int64($0[0]) != nil && Int32($0[2]) != nil
        }
        try reader.check()
        var place: (createdAt: Timestamp, stage: String, generation: Int32, name: String)?
        if let after = page.after, let moment = Int64(after[0]), let generation = Int32(after[2]) {
            place = (Timestamp(microseconds: moment), after[1], generation, after[3])
        }
        let id = try await knownWorkflow(context)
        return page.response(
            try await services.store.artifacts(of: id, after: place, limit: page.limit + 1), \.document
        ) {
            ["\($0.createdAt.microseconds)", $0.stage, "\($0.generation)", $0.name]
        }
    }

    @Sendable private func events(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryReader(request, allowed: ["after", "cursor", "limit", "stream"])
        let place = TrailPlace(&query, request)
        try query.check()
        let id = try await knownWorkflow(context)
        if place.isStream {
            let source = TrailStream(
                services, workflowID: id, tenant: try context.knownCaller.tenant, of: .events
            ) { after in
                try await services.store.events(of: id, after: after, limit: 200).map {
                    StreamEvent(id: $0.sequence, kind: $0.kind, data: $0.document)
                }
            }
            return try stream(source, after: place.after, context)
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
                services, workflowID: id, tenant: try context.knownCaller.tenant, of: .logs
            ) { after in
                try await services.store.logs(of: id, stage: stage, after: after, limit: 500).map {
                    StreamEvent(id: $0.id, kind: "log", data: $0.document)
                }
            }
            return try stream(source, after: place.after, context)
        }
        var rows = try await services.store.logs(of: id, stage: stage, after: place.after, limit: place.limit + 1)
        let hasMore = rows.count > place.limit
        if hasMore { rows.removeLast() }
        return Response(json: page(rows.map(\.document), next: hasMore ? rows.last.map { "\($0.id)" } : nil))
    }

    private func stream(_ source: TrailStream, after place: Int64, _ context: APIContext) throws(Problem) -> Response {
        let caller = try context.knownCaller
        var streamer = EventStreamer(source: source, limit: streams)
        streamer.isAllowed = { [tokens = services.tokens] in await tokens.isStillValid(caller) }
        return try streamer.response(after: place, on: context.channel)
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
        if let name = HTTPField.Name("Last-Event-ID"), let text = request.headers[name] {
            if let id = Int64(text), id >= 0 {
                after = id
            } else {
                query.refuse(
                    "Last-Event-ID", "found '\(WorkflowRequest.shortened(text))' in the header; expected a number")
            }
        }
    }
}
