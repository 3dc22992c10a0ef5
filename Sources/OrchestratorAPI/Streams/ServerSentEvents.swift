import HTTPTypes
import Hummingbird
import JSONTools
import NIOCore
import ServiceLifecycle
import Synchronization

/// Something to send on a stream.
struct StreamEvent: Sendable {
    /// Place in the stream, to resume after; nil for what is no part of it.
    var id: Int64?
    var kind: String
    var data: JSONValue

    /// The event as bytes (WHATWG HTML, 9.2 "Server-sent events"). Encoded JSON has no line breaks.
    var bytes: ByteBuffer {
        var buffer = ByteBuffer()
        if let id { buffer.writeString("id: \(id)\n") }
        buffer.writeString("event: \(kind)\ndata: ")
        buffer.writeBytes(data.encoded())
        buffer.writeString("\n\n")
        return buffer
    }
}

/// Where a stream's events come from.
protocol StreamSource: Sendable {
    /// The next events after a place; few enough to be held in memory. Empty if there is nothing new.
    func events(after id: Int64) async throws -> [StreamEvent]
    /// The last event, if all that there will ever be has been given out before the reading that found nothing.
    func ending() async throws -> StreamEvent?
    /// Waits until there may be something new, at most some seconds.
    func news() async
}

/// Sends a stream of events until it ends, the caller goes, or the orchestrator shuts down.
struct EventStreamer: Sendable {
    /// After how many milliseconds a caller whose connection broke is asked to come back.
    static let retryMilliseconds = 1000

    /// How long a caller may take to read what is under way when the orchestrator shuts down.
    static let shutdownGrace: Swift.Duration = .seconds(5)

    let source: any StreamSource
    let limit: StreamLimit
    /// After so long without an event a comment is sent, so that nobody between takes the connection for dead.
    var heartbeat: Swift.Duration = .seconds(15)
    /// Asked every now and then whether the caller may still read this.
    var isAllowed: @Sendable () async -> Bool = { true }
    /// How often that is asked.
    static let accessInterval: Swift.Duration = .seconds(10)

    /// The answer that streams what comes after a place.
    func response(after start: Int64, on channel: any Channel) throws(Problem) -> Response {
        guard let place = limit.take() else { throw .busy(retryAfterSeconds: 5) }
        let body = ResponseBody { writer in
            // Held until the stream has ended.
            defer { withExtendedLifetime(place) {} }
            // Who doesn't read can't be told that this is the end.
            let guardian = Task {
                try await gracefulShutdown()
                try await Task.sleep(for: Self.shutdownGrace)
                channel.close(promise: nil)
            }
            defer { guardian.cancel() }
            try await send(after: start, to: &writer)
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store"],
            body: body)
    }

    /// Sends what comes after a place until the end.
    func send(after start: Int64, to writer: inout any ResponseBodyWriter) async throws {
        var last = start
        var lastSent = ContinuousClock.now
        var lastAsked = lastSent
        try await writer.write(ByteBuffer(string: "retry: \(Self.retryMilliseconds)\n\n"))
        while !Task.isShuttingDownGracefully && !Task.isCancelled {
            if .now - lastAsked >= Self.accessInterval {
                lastAsked = .now
                guard await isAllowed() else { return }
            }
            let ending = try await source.ending()
            let events = try await source.events(after: last)
            for event in events {
                try await writer.write(event.bytes)
                if let id = event.id { last = id }
            }
            let now = ContinuousClock.now
            if !events.isEmpty {
                lastSent = now
                continue
            }
            if let ending {
                try await writer.write(ending.bytes)
                return
            }
            if now - lastSent >= heartbeat {
                try await writer.write(ByteBuffer(string: ": still here\n\n"))
                lastSent = now
            }
            await cancelWhenGracefulShutdown { await source.news() }
        }
    }
}

/// Bounds how many streams are open at a time.
final class StreamLimit: Sendable {
    private let open = Atomic(0)
    private let maximum: Int

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// Whether a place is free at this moment.
    var hasRoom: Bool { open.load(ordering: .relaxed) < maximum }

    /// A place, given back when it is let go; nil if all are taken.
    func take() -> Place? {
        guard open.add(1, ordering: .relaxed).newValue <= maximum else {
            open.subtract(1, ordering: .relaxed)
            return nil
        }
        return Place(limit: self)
    }

    /// One open stream.
    final class Place: Sendable {
        private let limit: StreamLimit

        fileprivate init(limit: StreamLimit) {
            self.limit = limit
        }

        deinit {
            limit.open.subtract(1, ordering: .relaxed)
        }
    }
}
