import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// A connection that speaks HTTP/1.1, or WebSocket (RFC 6455) once its first request was an upgrade that is let in.
struct LiveChannel: ServerChildChannel, HTTPChannelHandler {
    /// What a connection has become.
    enum Negotiated: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        case live(NIOAsyncChannel<WebSocketFrame, WebSocketFrame>, Caller)
    }

    /// A connection that may not have sent its first request yet.
    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let negotiated: EventLoopFuture<Negotiated>
    }

    /// Largest frame, and largest message, that a client may send, in bytes.
    static let maxMessageBytes = 16 * 1024
    /// Most frames of one message.
    static let maxFrames = 16
    /// How long the head of a request may take to come, from its first byte on.
    static let headTimeout: TimeAmount = .seconds(10)
    /// How long the rest of a request may take to come.
    static let bodyTimeout: TimeAmount = .seconds(30)
    /// How long a client may take to read something of what is sent.
    static let writeTimeout: TimeAmount = .seconds(60)

    let responder: HTTPChannelHandler.Responder
    let http: HTTP1Channel.Configuration
    /// Who asks for an upgrade; nil if it is refused, and then the request is answered like any other.
    let admit: @Sendable (HTTPRequestHead, String) async -> Caller?
    /// Talks to a client until it goes.
    let serve: @Sendable (NIOAsyncChannel<WebSocketFrame, WebSocketFrame>, Caller) async -> Void

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = http.httpDecoder.maxHeaderFieldSize
            limits.maxHeaderListSize = http.httpDecoder.maxHeaderListSize
            limits.maxHeaderFieldCount = http.httpDecoder.maxHeaderFieldCount
            let encoder = HTTPResponseEncoder()
            let decoder = ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
            let clock = ConnectionClock(
                headTimeout: Self.headTimeout, bodyTimeout: Self.bodyTimeout, writeTimeout: Self.writeTimeout)
            let boundary = RequestBoundary(clock: clock)
            let gate = UpgradeGate(
                encoder: encoder, decoder: decoder, boundary: boundary, timeout: http.idleTimeout ?? .seconds(60),
                admit: admit,
                beHTTP: { channel in try configureHTTP(channel, logger) })
            let sync = channel.pipeline.syncOperations
            try sync.addHandler(clock)
            try sync.addHandler(encoder)
            try sync.addHandler(decoder)
            try sync.addHandler(boundary)
            try sync.addHandler(gate)
            return Value(channel: channel, negotiated: gate.promise(on: channel.eventLoop).futureResult)
        }
    }

    /// What the plain HTTP channel has after its codec (pipelining is the async channel's).
    private func configureHTTP(_ channel: any Channel, _ logger: Logger) throws -> Negotiated {
        let sync = channel.pipeline.syncOperations
        try sync.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try sync.addHandlers(http.additionalChannelHandlers())
        try sync.addHandler(
            HTTPConnectionStateHandler(
                idleTimeout: http.idleTimeout.map { .nanoseconds($0.nanoseconds) }, logger: logger))
        return .http(
            try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)))
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .live(let channel, let caller): await serve(channel, caller)
            }
        } catch {
            // The caller went, or sent something else than HTTP, before its first request was complete.
            logger.trace("a connection ended before its first request", metadata: ["error": "\(error)"])
            value.channel.close(promise: nil)
        }
    }
}

/// Looks at the first request of a connection and makes it a WebSocket or an HTTP connection. What comes meanwhile waits.
private final class UpgradeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Nothing has come.
        case waiting
        /// The request is an upgrade; whether it is let in is being asked, or answered.
        case asking
        case decided
    }

    private let encoder: HTTPResponseEncoder
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let boundary: RequestBoundary
    private let timeout: TimeAmount
    private let admit: @Sendable (HTTPRequestHead, String) async -> Caller?
    private let beHTTP: (any Channel) throws -> LiveChannel.Negotiated
    private var state = State.waiting
    private var buffer: [NIOAny] = []
    private var isWholeRequestRead = false
    private var admitted: (head: HTTPRequestHead, headers: HTTPHeaders, caller: Caller)?
    private var timer: Scheduled<Void>?
    private var outcome: EventLoopPromise<LiveChannel.Negotiated>?

    init(
        encoder: HTTPResponseEncoder, decoder: ByteToMessageHandler<HTTPRequestDecoder>, boundary: RequestBoundary,
        timeout: TimeAmount, admit: @escaping @Sendable (HTTPRequestHead, String) async -> Caller?,
        beHTTP: @escaping (any Channel) throws -> LiveChannel.Negotiated
    ) {
        self.encoder = encoder
        self.decoder = decoder
        self.boundary = boundary
        self.timeout = timeout
        self.admit = admit
        self.beHTTP = beHTTP
    }

    /// What becomes of the connection.
    func promise(on eventLoop: any EventLoop) -> EventLoopPromise<LiveChannel.Negotiated> {
        if let outcome { return outcome }
        let promise = eventLoop.makePromise(of: LiveChannel.Negotiated.self)
        outcome = promise
        return promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        // A connection that sends no first request in time is closed.
        timer = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        fail(ChannelError.ioOnClosedChannel)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, state != .decided { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .decided:
            context.fireChannelRead(data)
        case .waiting:
            guard case .head(let head) = unwrapInboundIn(data) else { return }
            buffer.append(data)
            if Self.isUpgrade(head) {
                state = .asking
                ask(head, context)
            } else {
                becomeHTTP(context)
            }
        case .asking:
            if case .end = unwrapInboundIn(data) { isWholeRequestRead = true }
            buffer.append(data)
            becomeLiveIfReady(context)
        }
    }

    private static func isUpgrade(_ head: HTTPRequestHead) -> Bool {
        LiveController.paths.contains(String(head.uri.prefix { $0 != "?" })) && head.method == .GET
            && head.headers.contains { $0.name.lowercased() == "upgrade" && $0.value.lowercased() == "websocket" }
            && head.headers.first(name: "Sec-WebSocket-Version") == "13"
            && head.headers.first(name: "Sec-WebSocket-Key") != nil
    }

    private func ask(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let eventLoop = context.eventLoop
        let me = NIOLoopBound((self, context), eventLoop: eventLoop)
        let admit = admit
        let promise = eventLoop.makePromise(of: Caller?.self)
        let address = context.channel.remoteAddress?.ipAddress ?? "?"
        promise.completeWithTask { await admit(head, address) }
        promise.futureResult.whenComplete { result in
            let (gate, context) = me.value
            guard context.channel.isActive else { return }
            guard case .success(let caller?) = result else { return gate.becomeHTTP(context) }
            gate.upgrader.buildUpgradeResponse(
                channel: context.channel, upgradeRequest: head, initialResponseHeaders: HTTPHeaders()
            ).whenComplete { answer in
                let (gate, context) = me.value
                guard context.channel.isActive else { return }
                guard case .success(let headers) = answer else { return gate.becomeHTTP(context) }
                gate.admitted = (head, headers, caller)
                gate.becomeLiveIfReady(context)
            }
        }
    }

    /// The request goes its way like any other, and so does all that comes.
    private func becomeHTTP(_ context: ChannelHandlerContext) {
        state = .decided
        timer?.cancel()
        do {
            let negotiated = try beHTTP(context.channel)
            promise(on: context.eventLoop).succeed(negotiated)
            let waiting = buffer
            buffer = []
            for data in waiting { context.fireChannelRead(data) }
            context.fireChannelReadComplete()
        } catch {
            fail(error)
            context.close(promise: nil)
        }
    }

    /// The connection becomes a WebSocket once the request is whole and was let in.
    private func becomeLiveIfReady(_ context: ChannelHandlerContext) {
        guard isWholeRequestRead, state == .asking, let admitted else { return }
        state = .decided
        timer?.cancel()
        buffer = []
        boundary.becameLive()
        var response = HTTPResponseHead(version: .http1_1, status: .switchingProtocols)
        response.headers = admitted.headers
        let sync = context.pipeline.syncOperations
        let me = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.head(response)), promise: nil)
        sync.removeHandler(encoder).whenComplete { _ in
            let (gate, context) = me.value
            gate.upgrader.upgrade(channel: channel, upgradeRequest: admitted.head).whenComplete { result in
                let (gate, context) = me.value
                switch result {
                case .success(let live):
                    gate.promise(on: context.eventLoop).succeed(.live(live, admitted.caller))
                    // What came after the request are frames: the decoder hands them on as it goes.
                    let sync = context.pipeline.syncOperations
                    sync.removeHandler(gate.boundary, promise: nil)
                    sync.removeHandler(gate.decoder, promise: nil)
                    sync.removeHandler(gate, promise: nil)
                case .failure(let error):
                    gate.fail(error)
                    context.close(promise: nil)
                }
            }
            _ = context
        }
    }

    private func fail(_ error: any Error) {
        outcome?.fail(error)
    }

    /// Answers the handshake and sets up the frames.
    private let upgrader = NIOTypedWebSocketServerUpgrader<NIOAsyncChannel<WebSocketFrame, WebSocketFrame>>(
        maxFrameSize: LiveChannel.maxMessageBytes,
        shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
        upgradePipelineHandler: { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: LiveChannel.maxFrames,
                        maxAccumulatedFrameSize: LiveChannel.maxMessageBytes))
                return try NIOAsyncChannel<WebSocketFrame, WebSocketFrame>(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(isOutboundHalfClosureEnabled: false))
            }
        })
}
