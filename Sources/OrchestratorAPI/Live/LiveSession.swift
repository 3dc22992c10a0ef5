import JSONTools
import Logging
import NIOCore
import NIOWebSocket
import OrchestratorEngine
import ServiceLifecycle
import Synchronization
import WorkflowStorage

/// One client of `/ws`. It is sent what the record has, as fast as it reads: nothing is kept for it in memory but the
/// message on its way, and one that does not read is let go, to come back and go on after the last event that it has.
final class LiveSession: Sendable {
    /// Most subscriptions of a client.
    static let maxSubscriptions = 64
    /// How often a client is asked whether it is there, and after how long a silence it counts as gone.
    static let pingInterval: Swift.Duration = .seconds(20)
    static let patience: Swift.Duration = .seconds(60)
    /// How long a client may take to read a message.
    static let slowness: Swift.Duration = .seconds(20)
    /// How often figures are sent.
    static let metricsInterval: Swift.Duration = .seconds(5)
    /// How long a client has to answer when the orchestrator closes.
    static let closeGrace: Swift.Duration = .seconds(2)

    private struct State {
        var subscriptions: [UniqueID?: Task<Void, Never>] = [:]
        var metrics: Task<Void, Never>?
        var lastHeard = ContinuousClock.now
        var pendingWrites: [UInt64: ContinuousClock.Instant] = [:]
        var nextWrite: UInt64 = 0
        var isClosing = false
    }

    private let services: APIServices
    private let caller: Caller
    private let channel: any Channel
    private let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    private let state = Mutex(State())

    private init(
        _ services: APIServices, _ caller: Caller, _ channel: any Channel,
        _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) {
        self.services = services
        self.caller = caller
        self.channel = channel
        self.outbound = outbound
    }

    /// Serves a client until it goes, or the orchestrator shuts down.
    static func run(
        _ live: NIOAsyncChannel<WebSocketFrame, WebSocketFrame>, _ caller: Caller, _ services: APIServices
    ) async {
        do {
            try await live.executeThenClose { inbound, outbound in
                let session = LiveSession(services, caller, live.channel, outbound)
                defer { session.end() }
                let watch = Task { await session.watch() }
                let farewell = Task {
                    try await gracefulShutdown()
                    await session.close(.goingAway, "the orchestrator is shutting down")
                    try? await Task.sleep(for: closeGrace)
                    live.channel.close(promise: nil)
                }
                defer {
                    watch.cancel()
                    farewell.cancel()
                }
                await session.say([
                    "type": "connected", "name": .string(caller.name), "role": .string(caller.role.rawValue),
                    "version": .string(services.settings.version),
                    "heartbeat_seconds": .integer(pingInterval.components.seconds),
                ])
                for try await frame in inbound {
                    guard await session.heed(frame) else { break }
                }
            }
        } catch {
            // The client went without a word.
        }
    }

    // MARK: What it says

    /// Handles a frame.
    ///
    /// - Returns: false if the connection is over.
    private func heed(_ frame: WebSocketFrame) async -> Bool {
        state.withLock { $0.lastHeard = .now }
        switch frame.opcode {
        case .text:
            await read(Array(frame.unmaskedData.readableBytesView))
            return true
        case .ping:
            await write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
            return true
        case .pong:
            return true
        case .connectionClose:
            // The answer repeats the code (RFC 6455, 5.5.1).
            var data = frame.unmaskedData
            let code = data.readWebSocketErrorCode() ?? .normalClosure
            await close(code, "")
            return false
        case .binary, .continuation:
            await close(.unacceptableData, "text is expected")
            return false
        default:
            await close(.protocolError, "this kind of frame is not known")
            return false
        }
    }

    private func read(_ bytes: [UInt8]) async {
        let message: LiveMessage
        do throws(Problem) {
            message = try LiveMessage(bytes)
        } catch {
            return await refuse(error)
        }
        switch message {
        case .ping:
            await say(["type": "pong", "at": JSONValue(Timestamp.now())])
        case .metrics(let isEnabled):
            let task: Task<Void, Never>? = isEnabled ? Task { await sendMetrics() } : nil
            state.withLock { state in
                state.metrics?.cancel()
                state.metrics = task
            }
        case .unsubscribe(let id):
            state.withLock { $0.subscriptions.removeValue(forKey: id)?.cancel() }
            await say(["type": "unsubscribed", "workflow_id": id.map { JSONValue($0) } ?? .null])
        case .subscribe(let id, let types, let after):
            await subscribe(id, types.map(Set.init), after)
        }
    }

    private func subscribe(_ id: UniqueID?, _ types: Set<String>?, _ after: Int64) async {
        guard state.withLock({ $0.subscriptions.count < Self.maxSubscriptions || $0.subscriptions[id] != nil }) else {
            return await refuse(
                .badQuery([
                    Problem.Fault(
                        pointer: "/workflow_id", message: "there are \(Self.maxSubscriptions) subscriptions already")
                ]))
        }
        if let id {
            do {
                guard try await services.store.isTerminal(id, tenant: caller.tenant) != nil else {
                    return await refuse(.notFound("there is no workflow \(id)"), about: id)
                }
            } catch {
                return await refuse(Problem(error), about: id)
            }
        }
        await say([
            "type": "subscribed", "workflow_id": id.map { JSONValue($0) } ?? .null, "after": .integer(after),
        ])
        let task = Task {
            if let id { await follow(id, types, after) } else { await followAll() }
        }
        state.withLock { state in
            state.subscriptions[id]?.cancel()
            state.subscriptions[id] = task
            if state.isClosing { task.cancel() }
        }
    }

    // MARK: What it is told

    /// Sends a workflow's events until it has ended.
    private func follow(_ id: UniqueID, _ types: Set<String>?, _ start: Int64) async {
        let source = TrailStream(services, workflowID: id, tenant: caller.tenant, quiet: .zero) { [services] after in
            try await services.store.events(of: id, after: after, limit: 100).map {
                StreamEvent(id: $0.sequence, kind: $0.kind, data: $0.document)
            }
        }
        var last = start
        while !Task.isCancelled {
            do {
                let ending = try await source.ending()
                let events = try await source.events(after: last)
                for event in events {
                    if let sequence = event.id { last = sequence }
                    if let types, !types.contains(event.kind) { continue }
                    await say(["type": "event", "workflow_id": JSONValue(id), "event": event.data])
                    if Task.isCancelled { return }
                }
                if !events.isEmpty { continue }
                if let ending {
                    await say([
                        "type": "end", "workflow_id": JSONValue(id), "status": ending.data["status"] ?? .null,
                    ])
                    state.withLock { _ = $0.subscriptions.removeValue(forKey: id) }
                    return
                }
            } catch {
                // The record is away: it is asked again, and nothing is missed.
            }
            await source.news(within: EventStreamer.pollInterval)
        }
    }

    /// Sends whatever workflow has changed, as it is then: changes in quick succession are one.
    private func followAll() async {
        var place = await services.changes.newest(of: caller.tenant)
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: ChangeFeed.interval)
                guard await services.changes.hasNews(since: place, tenant: caller.tenant) else { continue }
                for row in try await services.changes.rows(after: place, tenant: caller.tenant) {
                    await say(["type": "workflow", "workflow": WorkflowDocument.item(row)])
                    place = ChangeFeed.Place(row)
                    if Task.isCancelled { return }
                }
            } catch {
                continue
            }
        }
    }

    private func sendMetrics() async {
        while !Task.isCancelled {
            if let figures = await services.changes.overview(tenant: caller.tenant) {
                await say(["type": "metrics", "metrics": figures])
            }
            try? await Task.sleep(for: Self.metricsInterval)
        }
    }

    private func refuse(_ problem: Problem, about id: UniqueID? = nil) async {
        var document = problem.document(instance: "/ws")
        document["workflow_id"] = id.map { JSONValue($0) }
        await say(["type": "error", "error": .object(document)])
    }

    private func say(_ message: JSONObject) async {
        let buffer = ByteBuffer(bytes: JSONValue.object(message).encoded())
        await write(WebSocketFrame(fin: true, opcode: .text, data: buffer))
    }

    /// Waits until the client has room for it; it is let go if that takes too long.
    private func write(_ frame: WebSocketFrame) async {
        let number = state.withLock { state in
            state.nextWrite += 1
            state.pendingWrites[state.nextWrite] = .now
            return state.nextWrite
        }
        try? await outbound.write(frame)
        state.withLock { _ = $0.pendingWrites.removeValue(forKey: number) }
    }

    private func close(_ code: WebSocketErrorCode, _ reason: String) async {
        guard
            state.withLock({ state in
                defer { state.isClosing = true }
                return !state.isClosing
            })
        else { return }
        var buffer = ByteBuffer()
        buffer.write(webSocketErrorCode: code)
        buffer.writeString(reason)
        await write(WebSocketFrame(fin: true, opcode: .connectionClose, data: buffer))
    }

    // MARK: Looking after it

    /// Asks now and then whether the client is there; lets it go if it is not, or does not read.
    private func watch() async {
        var nextPing = ContinuousClock.now + Self.pingInterval
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: .seconds(2))
            } catch {
                return
            }
            let now = ContinuousClock.now
            let (heard, oldest) = state.withLock { ($0.lastHeard, $0.pendingWrites.values.min()) }
            if now - heard > Self.patience || oldest.map({ now - $0 > Self.slowness }) == true {
                channel.close(promise: nil)
                return
            }
            if now >= nextPing {
                nextPing = now + Self.pingInterval
                if oldest == nil { await write(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer())) }
            }
        }
    }

    private func end() {
        let tasks = state.withLock { state in
            defer {
                state.subscriptions = [:]
                state.metrics = nil
                state.isClosing = true
            }
            return Array(state.subscriptions.values) + [state.metrics].compactMap { $0 }
        }
        for task in tasks { task.cancel() }
    }
}
