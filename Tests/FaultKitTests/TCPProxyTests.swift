import BlockingIO
import Glibc
import Synchronization
import Testing

@testable import FaultKit

@Suite("A road that can be blocked, cut, or lose a message")
struct TCPProxyTests {
    @Test("what is sent arrives, and so does the reply")
    func carries() throws {
        let (proxy, echo) = try Self.road()
        defer { echo.close() }
        let caller = try Caller(proxy.port)
        defer { caller.end() }
        #expect(caller.ask("hello") == "hello")
        #expect(caller.ask("again") == "again")
        #expect(proxy.losses == 0)
    }

    @Test("on a blocked road nothing arrives until it is open, and then all of it")
    func blocked() throws {
        let (proxy, echo) = try Self.road()
        defer { echo.close() }
        let caller = try Caller(proxy.port)
        defer { caller.end() }
        #expect(caller.ask("before") == "before")
        proxy.mode = .blocked
        caller.say("held")
        #expect(caller.hear(milliseconds: 300) == nil)
        proxy.mode = .open
        #expect(caller.hear(milliseconds: 5000) == "held")
    }

    @Test("a cut ends connections, and new ones until it is mended")
    func cut() throws {
        let (proxy, echo) = try Self.road()
        defer { echo.close() }
        let caller = try Caller(proxy.port)
        defer { caller.end() }
        #expect(caller.ask("before") == "before")
        proxy.mode = .cut
        #expect(caller.hear(milliseconds: 5000) == "")
        proxy.mode = .open
        let next = try Caller(proxy.port)
        defer { next.end() }
        #expect(next.ask("after") == "after")
    }

    @Test("a lost command doesn't arrive, a lost reply belongs to a command that did; each is lost once")
    func losses() throws {
        let (proxy, echo) = try Self.road()
        defer { echo.close() }
        for loss in [TCPProxy.Loss.command(["MARK"]), .replyTo(["MARK"]), .reply(["MARK"])] {
            let before = (echo.heard, proxy.losses)
            proxy.lose(loss)
            let caller = try Caller(proxy.port)
            #expect(caller.ask("other") == "other")
            #expect(caller.ask("a MARK in it") == "", "\(loss): the connection ends without a reply")
            caller.end()
            #expect(proxy.losses == before.1 + 1)
            let arrived = echo.heard - before.0
            #expect(arrived == (loss == .command(["MARK"]) ? 1 : 2), "\(loss)")
            let next = try Caller(proxy.port)
            #expect(next.ask("a MARK in it") == "a MARK in it")
            next.end()
        }
    }

    private static func road() throws -> (TCPProxy, EchoServer) {
        let echo = try EchoServer()
        return (try TCPProxy(to: echo.port), echo)
    }
}

/// Says back what it hears, and counts.
private final class EchoServer: Sendable {
    let port: Int
    private let listener: Int32
    private let count = Count()

    init() throws {
        let socket = try ListeningSocket()
        (port, listener) = (socket.port, socket.descriptor)
        let count = count
        let listener = listener
        _ = DedicatedThread(name: "echo") {
            var callers: [Int32] = []
            while true {
                var polled = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
                polled += callers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                guard poll(&polled, nfds_t(polled.count), -1) >= 0,
                    polled[0].revents & Int16(POLLIN) != 0
                        || polled[0].revents == 0
                else { break }
                for entry in polled.dropFirst() where entry.revents != 0 {
                    var bytes = [UInt8](repeating: 0, count: 1024)
                    let length = read(entry.fd, &bytes, bytes.count)
                    if length > 0 {
                        count.add()
                        _ = send(entry.fd, bytes, length, Int32(MSG_NOSIGNAL))
                    } else {
                        Glibc.close(entry.fd)
                        callers.removeAll { $0 == entry.fd }
                    }
                }
                if polled[0].revents != 0, let caller = RoadSocket.accept(from: listener) { callers.append(caller) }
            }
            for caller in callers { Glibc.close(caller) }
            Glibc.close(listener)
        }
    }

    /// How many messages it heard.
    var heard: Int { count.value }

    /// Ends its thread.
    func close() { shutdown(listener, Int32(SHUT_RDWR)) }
}

/// A number that several threads see.
private final class Count: Sendable {
    private let number = Mutex(0)

    var value: Int { number.withLock { $0 } }

    func add() { number.withLock { $0 += 1 } }
}

/// One connection through a road.
private struct Caller {
    private let descriptor: Int32

    init(_ port: Int) throws {
        descriptor = try #require(RoadSocket.connect(to: port))
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        #expect(poll(&polled, 1, 5000) == 1)
    }

    func say(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    /// What comes next: nil for nothing in time, empty for the end.
    func hear(milliseconds: Int32) -> String? {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, milliseconds) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let length = read(descriptor, &bytes, bytes.count)
        return length > 0 ? String(decoding: bytes.prefix(length), as: UTF8.self) : ""
    }

    func ask(_ text: String) -> String? {
        say(text)
        return hear(milliseconds: 5000)
    }

    func end() { close(descriptor) }
}
