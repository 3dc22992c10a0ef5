import HTTPTypes
import JSONTools
import NIOCore
import NIOHTTP1

/// Closes connections that take too long: to send the head of a request once they have begun with it, to send the rest of
/// it, or to take what is sent to them. Otherwise a few thousand slow ones would keep all others out.
final class ConnectionClock: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// How long the head of a request may take to come.
    let headTimeout: TimeAmount
    /// How long the rest may take; who reads a body has a shorter limit of its own.
    let bodyTimeout: TimeAmount
    /// How long a client may take to read something.
    let writeTimeout: TimeAmount
    private var readTimer: Scheduled<Void>?
    private var writeTimer: Scheduled<Void>?
    private var pendingWrites = 0
    private var progress = 0
    private var isWithinRequest = false

    init(headTimeout: TimeAmount, bodyTimeout: TimeAmount, writeTimeout: TimeAmount) {
        self.headTimeout = headTimeout
        self.bodyTimeout = bodyTimeout
        self.writeTimeout = writeTimeout
    }

    /// The head of a request is complete.
    func headCame(on channel: any Channel) {
        isWithinRequest = true
        readTimer?.cancel()
        readTimer = channel.eventLoop.scheduleTask(in: bodyTimeout) { channel.close(promise: nil) }
    }

    /// A request is complete; the next bytes begin another one.
    func requestEnded() {
        isWithinRequest = false
        readTimer?.cancel()
        readTimer = nil
    }

    /// The connection speaks another protocol from now on, with limits of its own.
    func stopWatchingRequests() {
        requestEnded()
        isWithinRequest = true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isWithinRequest, readTimer == nil {
            let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            readTimer = context.eventLoop.scheduleTask(in: headTimeout) {
                let (clock, context) = loopBound.value
                if clock.readTimer != nil {
                    context.pipeline.fireErrorCaught(SlowHead())
                }
            }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let promise = promise ?? context.eventLoop.makePromise()
        pendingWrites += 1
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in
            me.value.pendingWrites -= 1
            me.value.progress += 1
        }
        context.write(data, promise: promise)
        if writeTimer == nil { watchWrites(context) }
    }

    /// Closes the connection if nothing that waits has gone out for as long as may be.
    private func watchWrites(_ context: ChannelHandlerContext) {
        let before = progress
        let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        writeTimer = context.eventLoop.scheduleTask(in: writeTimeout) {
            let (clock, context) = loopBound.value
            clock.writeTimer = nil
            guard clock.pendingWrites > 0 else { return }
            if clock.progress == before {
                context.close(promise: nil)
            } else {
                clock.watchWrites(context)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func stop() {
        readTimer?.cancel()
        writeTimer?.cancel()
        readTimer = nil
        writeTimer = nil
    }

    /// The head of a request took too long.
    struct SlowHead: Error {}
}

/// Tells the clock where requests begin and end, and answers what is no HTTP with a problem document before the
/// connection is closed.
final class RequestBoundary: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let clock: ConnectionClock
    private var hasRefused = false
    /// Requests that have begun to come and whose answers are not out yet.
    private var openRequests = 0

    init(clock: ConnectionClock) {
        self.clock = clock
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            openRequests += 1
            clock.headCame(on: context.channel)
        case .body: break
        case .end: clock.requestEnded()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { openRequests -= 1 }
        context.write(data, promise: promise)
    }

    /// The connection is a WebSocket from now on.
    func becameLive() { clock.stopWatchingRequests() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let problem = Self.problem(for: error) else { return context.fireErrorCaught(error) }
        guard !hasRefused else { return }
        hasRefused = true
        // While an answer is on its way nothing can be put between: then only the connection can end.
        if openRequests == 0 {
            let body = JSONValue.object(problem.document(instance: "")).encoded()
            var head = HTTPResponseHead(
                version: .http1_1,
                status: HTTPResponseStatus(statusCode: problem.status.code, reasonPhrase: problem.status.reasonPhrase))
            head.headers = [
                "Content-Type": "application/problem+json", "Content-Length": "\(body.count)", "Connection": "close",
                "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
            ]
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.close(promise: nil)
    }

    /// What is wrong with what came; nil if it is no fault of the client's.
    static func problem(for error: any Error) -> Problem? {
        switch error {
        case is ConnectionClock.SlowHead:
            return .slowHead(limitSeconds: Int(LiveChannel.headTimeout.nanoseconds / 1_000_000_000))
        case HTTPParserError.headerOverflow:
            return .largeHead
        case let error as HTTPParserError:
            return .noHTTP("\(error)")
        default:
            return nil
        }
    }
}
