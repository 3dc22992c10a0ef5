import JSONTools
import Logging
import NIOCore
import NIOWebSocket
import OrchestratorEngine
import ServiceLifecycle
import Synchronization
import WorkflowStorage

/// One client of `/ws`. It is sent what the record has, as fast as it reads: nothing is kept for it in memory but the
/// messages on their way, and one that does not read is let go, to come back and go on after the last event that it has.
final class LiveSession: Sendable {
    /// Most subscriptions of a client.
    static let maxSubscriptions = 64
    /// How often a client is asked whether it is there, and after how long a silence it counts as gone.
    static let pingInterval: Swift.Duration = .seconds(20)
    static let patience: Swift.Duration = .seconds(60)
    /// How long a client may take to read a message.
    static let slowness: Swift.Duration = .seconds(20)
    /// How often it is looked after, and how often it is asked whether its token is still good.
    static let watchInterval: Swift.Duration = .seconds(5)
    static let tokenInterval: Swift.Duration = .seconds(10)
    /// How often figures are sent.
    static let metricsInterval: Swift.Duration = .seconds(5)
    /// How long a client has to answer when the orchestrator closes.
    static let closeGrace: Swift.Duration = .seconds(2)
    /// Most events, and most bytes of them, that are on their way together.
    static let batchLimit = 64
    static let batchBytes = 64 * 1024

    private struct Subscription {
        var number: UInt64
        var task: Task<Void, Never>
    }

    private struct State {
        var subscriptions: [UniqueID?: Subscription] = [:]
        var nextSubscription: UInt64 = 0
        var metrics: Task<Void, Never>?
        var lastHeard = ContinuousClock.now
        var pendingWrites: [UInt64: ContinuousClock.Instant] = [:]
        var nextWrite: UInt64 = 0
        var isClosing = false
        var isOver = false
    }

    let services: APIServices
    let caller: Caller
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
            services.logger.trace("a live client went without a word", metadata: ["error": "\(error)"])
        }
    }

    // MARK: What it says

    /// Handles a frame.
    ///
    /// - Returns: false if the connection is over.
    private func heed(_ frame: WebSocketFrame) async -> Bool {
        let isClosing = state.withLock { state in
            state.lastHeard = .now
            return state.isClosing
        }
        if frame.opcode == .connectionClose {
            // The answer repeats the code (RFC 6455, 5.5.1); if we began, this is the answer.
            var data = frame.unmaskedData
            if !isClosing { await close(data.readWebSocketErrorCode() ?? .normalClosure, "") }
            return false
        }
        guard !isClosing else { return true }
        switch frame.opcode {
        case .text:
            await read(Array(frame.unmaskedData.readableBytesView))
        case .ping:
            await write([WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)])
        case .pong:
            break
        case .binary, .continuation:
            await close(.unacceptableData, "text is expected")
        default:
            await close(.protocolError, "this kind of frame is not known")
        }
        return true
    }

    private func read(_ bytes: [UInt8]) async {
        if let seconds = services.rates.take(caller.tokenHash) {
            return await refuse(.rateLimited(retryAfterSeconds: seconds))
        }
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
                if state.isOver { task?.cancel() }
            }
        case .unsubscribe(let id):
            state.withLock { $0.subscriptions.removeValue(forKey: id)?.task.cancel() }
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
                ]), about: id)
        }
        do {
            guard let id else { return try await subscribeToAll(types) }
            guard try await services.store.isTerminal(id, tenant: caller.tenant) != nil else {
                throw Problem.notFound("there is no workflow \(id)")
            }
        } catch {
            return await refuse(error as? Problem ?? services.problem(of: error), about: id)
        }
        await say(["type": "subscribed", "workflow_id": id.map { JSONValue($0) } ?? .null, "after": .integer(after)])
        keep(id) { number in
            guard let id else { return }
            await self.follow(id, types, after, number)
        }
    }

    private func subscribeToAll(_ types: Set<String>?) async throws {
        let feed = services.feeds.feed(of: caller.tenant)
        let place = try await feed.join()
        let since = Timestamp.now()
        await say(["type": "subscribed", "workflow_id": .null, "after": .null])
        keep(nil) { _ in
            await self.followAll(feed, types, from: place, since: since)
            feed.leave()
        }
    }

    /// Takes up a subscription in the place of the one before.
    private func keep(_ id: UniqueID?, _ body: @escaping @Sendable (UInt64) async -> Void) {
        state.withLock { state in
            state.nextSubscription += 1
            let number = state.nextSubscription
            let task = Task { await body(number) }
            state.subscriptions.removeValue(forKey: id)?.task.cancel()
            if state.isOver {
                task.cancel()
            } else {
                state.subscriptions[id] = Subscription(number: number, task: task)
            }
        }
    }

    /// A subscription has come to its end by itself.
    func forget(_ id: UniqueID, _ number: UInt64) {
        state.withLock { state in
            if state.subscriptions[id]?.number == number { state.subscriptions[id] = nil }
        }
    }

    // MARK: What it is told

    private func sendMetrics() async {
        while !Task.isCancelled {
            do {
                let figures = try await services.overviews.overview(tenant: caller.tenant)
                await say(["type": "metrics", "metrics": figures])
                try await Task.sleep(for: Self.metricsInterval)
            } catch is CancellationError {
                return
            } catch {
                await refuse(services.problem(of: error))
                // Cut short only by cancellation, which the loop sees.
                try? await Task.sleep(for: Self.metricsInterval)
            }
        }
    }

    /// Says what is wrong.
    func refuse(_ problem: Problem, about id: UniqueID? = nil) async {
        var document = problem.document(instance: "/ws")
        document["workflow_id"] = id.map { JSONValue($0) }
        await say(["type": "error", "error": .object(document)])
    }

    /// The message about an event.
    static func message(about event: EventRow, of id: UniqueID) -> ByteBuffer {
        message(about: event.document, of: id)
    }

    /// The message about an event.
    static func message(about event: JSONValue, of id: UniqueID) -> ByteBuffer {
        ByteBuffer(
            bytes: JSONValue.object(["type": "event", "workflow_id": JSONValue(id), "event": event]).encoded())
    }

    /// Sends a message.
    func say(_ message: JSONObject) async {
        await send([ByteBuffer(bytes: JSONValue.object(message).encoded())])
    }

    /// Sends messages, and waits until the client has room for more.
    func send(_ messages: [ByteBuffer]) async {
        guard !messages.isEmpty else { return }
        await write(messages.map { WebSocketFrame(fin: true, opcode: .text, data: $0) })
    }

    /// Waits until the client has room for it; it is let go if that takes too long. After the word of farewell nothing goes
    /// out any more.
    private func write(_ frames: [WebSocketFrame], isFarewell: Bool = false) async {
        let number = state.withLock { state -> UInt64? in
            guard isFarewell || !state.isClosing else { return nil }
            state.nextWrite += 1
            state.pendingWrites[state.nextWrite] = .now
            return state.nextWrite
        }
        guard let number else { return }
        do {
            try await outbound.write(contentsOf: frames)
        } catch {
            // The connection is gone, or this task was cancelled: reading ends the session.
            services.logger.trace("a live message was not sent", metadata: ["error": "\(error)"])
        }
        state.withLock { _ = $0.pendingWrites.removeValue(forKey: number) }
    }

    /// Says farewell; the connection ends when the client has answered, or after a while.
    private func close(_ code: WebSocketErrorCode, _ reason: String) async {
        guard
            state.withLock({ state in
                defer { state.isClosing = true }
                return !state.isClosing
            })
        else { return }
        channel.eventLoop.scheduleTask(in: .nanoseconds(Self.closeGrace.nanoseconds)) { [channel] in
            channel.close(promise: nil)
        }
        var buffer = ByteBuffer()
        buffer.write(webSocketErrorCode: code)
        buffer.writeString(reason)
        await write([WebSocketFrame(fin: true, opcode: .connectionClose, data: buffer)], isFarewell: true)
    }

    // MARK: Looking after it

    /// Asks now and then whether the client is there, and may be; lets it go if it is not, or does not read.
    private func watch() async {
        var nextPing = ContinuousClock.now + Self.pingInterval
        var nextTokenCheck = ContinuousClock.now + Self.tokenInterval
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: Self.watchInterval)
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
                if oldest == nil { await write([WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer())]) }
            }
            if now >= nextTokenCheck {
                nextTokenCheck = now + Self.tokenInterval
                guard await services.tokens.isStillValid(caller) else {
                    await close(.policyViolation, "the token is no longer valid")
                    return
                }
            }
        }
    }

    private func end() {
        let tasks = state.withLock { state in
            defer {
                state.subscriptions = [:]
                state.metrics = nil
                state.isClosing = true
                state.isOver = true
            }
            return state.subscriptions.values.map(\.task) + [state.metrics].compactMap { $0 }
        }
        for task in tasks { task.cancel() }
    }
}

extension Swift.Duration {
    /// In whole nanoseconds.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
