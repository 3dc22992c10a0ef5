import BlockingIO
import CHiredis
import Glibc

/// One connection: hiredis' context (address, socket) and parser.
///
/// It belongs to one thread and never blocks but in ``wait(forRoom:or:and:until:)``.
final class RedisConnection {
    /// What a wait ended with.
    struct Readiness {
        var isReadable = false
        var isWritable = false
        /// The first and the second of the other descriptors are readable.
        var others = (false, false)
    }

    let parser: ReplyParser
    private let context: UnsafeMutablePointer<redisContext>
    private let input: UnsafeMutableRawBufferPointer
    private static let inputBytes = 64 << 10

    /// Begins to connect; the connection is made once ``finishConnecting()`` says so.
    init(_ configuration: RedisConfiguration) throws(RedisError) {
        let context =
            switch configuration.endpoint {
            case .tcp(let host, let port): redisConnectNonBlock(host, Int32(port))
            case .unix(let path): redisConnectUnixNonBlock(path)
            }
        guard let context else { throw RedisError(.unreachable, "There is no memory left for a connection.") }
        guard context.pointee.err == 0 else {
            let text = withUnsafeBytes(of: context.pointee.errstr) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            redisFree(context)
            throw RedisError(.unreachable, "\(configuration): \(text).")
        }
        do throws(RedisError) {
            parser = try ReplyParser(maximumBytes: configuration.maximumReplyBytes)
        } catch {
            redisFree(context)
            throw error
        }
        self.context = context
        input = .allocate(byteCount: Self.inputBytes, alignment: 16)
        _ = fcntl(context.pointee.fd, F_SETFD, FD_CLOEXEC)
        if case .tcp = configuration.endpoint { redisEnableKeepAlive(context) }
    }

    deinit {
        redisFree(context)
        input.deallocate()
    }

    /// Says whether the connection was made, once the socket is writable.
    func finishConnecting() throws(RedisError) {
        var status: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        let answer = getsockopt(context.pointee.fd, SOL_SOCKET, SO_ERROR, &status, &size)
        guard answer == 0, status == 0 else {
            throw RedisError(.unreachable, Self.text(of: status == 0 ? errno : status))
        }
    }

    /// Writes as much as the socket takes now of the bytes from a place on.
    ///
    /// - Returns: the number of bytes; 0 if it takes none.
    func write(_ bytes: [UInt8], from start: Int) throws(RedisError) -> Int {
        while true {
            let count = bytes.withUnsafeBytes { bytes in
                send(
                    context.pointee.fd, bytes.baseAddress.map { $0 + start }, bytes.count - start,
                    Int32(MSG_NOSIGNAL))
            }
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK: return 0
            default: throw RedisError(.unreachable, "The connection broke: \(Self.text(of: errno)).")
            }
        }
    }

    /// Reads what has come into the parser. What is left, because there is much, makes the socket readable still.
    func receive() throws(RedisError) {
        while true {
            let count = recv(context.pointee.fd, input.baseAddress, input.count, 0)
            if count > 0 {
                try parser.feed(UnsafeRawBufferPointer(rebasing: input[..<count]))
                return
            }
            if count == 0 { throw RedisError(.unreachable, "The server closed the connection.") }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK: return
            default: throw RedisError(.unreachable, "The connection broke: \(Self.text(of: errno)).")
            }
        }
    }

    /// Sleeps until the socket has something to read (or, if asked for, room to write), another descriptor is readable,
    /// or the time has come.
    ///
    /// - Parameters:
    ///   - room: whether room to write ends the wait.
    ///   - first: another descriptor; negative for none.
    ///   - second: one more.
    ///   - end: in nanoseconds of the monotonic clock; nil for never.
    func wait(forRoom room: Bool, or first: Int32, and second: Int32 = -1, until end: UInt64?) -> Readiness {
        Self.wait(for: context.pointee.fd, room, first, second, until: end)
    }

    /// The same without a connection.
    static func wait(or first: Int32, and second: Int32 = -1, until end: UInt64?) -> Readiness {
        wait(for: -1, false, first, second, until: end)
    }

    private static func wait(
        for socket: Int32, _ room: Bool, _ first: Int32, _ second: Int32, until end: UInt64?
    ) -> Readiness {
        withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 3) { entries in
            let input = Int16(POLLIN)
            entries[0] = pollfd(fd: socket, events: room ? input | Int16(POLLOUT) : input, revents: 0)
            entries[1] = pollfd(fd: first, events: input, revents: 0)
            entries[2] = pollfd(fd: second, events: input, revents: 0)
            var milliseconds: Int32 = -1
            if let end {
                let now = MonotonicClock.nanoseconds()
                milliseconds = end > now ? Int32(clamping: (end - now + 999_999) / 1_000_000) : 0
            }
            guard poll(entries.baseAddress, 3, milliseconds) > 0 else { return Readiness() }
            // An error or hang-up counts as readable: reading then tells what it is.
            let writable = entries[0].revents & Int16(POLLOUT) != 0
            return Readiness(
                isReadable: entries[0].revents & ~Int16(POLLOUT) != 0, isWritable: writable,
                others: (entries[1].revents != 0, entries[2].revents != 0))
        }
    }

    private static func text(of code: Int32) -> String {
        String(cString: strerror(code))
    }
}
