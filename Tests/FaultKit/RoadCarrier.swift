import BlockingIO
import Glibc
import Synchronization

/// The thread of a road: carries bytes between pairs of sockets and loses what it is told to lose.
struct RoadCarrier {
    /// One connection: the program's end and the server's.
    private struct Pair {
        let client: Int32
        let server: Int32
        var toServer: [UInt8] = []
        var toClient: [UInt8] = []
        /// The next reply is to be lost.
        var losesReply = false
        var isOver = false
    }

    let listener: Int32
    let target: Int
    let control: RoadControl
    private var pairs: [Pair] = []

    init(listener: Int32, target: Int, control: RoadControl) {
        self.listener = listener
        self.target = target
        self.control = control
    }

    /// No more than this waits on the road in each direction; then the sender has to wait.
    private static let capacity = 256 << 10

    /// Carries until it is closed.
    mutating func run() {
        while true {
            let (mode, isClosed) = control.state.withLock { ($0.mode, $0.isClosed) }
            if isClosed || mode == .cut { endAll() }
            if isClosed { break }
            var polled = [pollfd(fd: control.wake.descriptor, events: Int16(POLLIN), revents: 0)]
            polled.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0))
            if mode == .open {
                for pair in pairs {
                    polled.append(Self.interest(pair.client, inbound: pair.toServer, outbound: pair.toClient))
                    polled.append(Self.interest(pair.server, inbound: pair.toClient, outbound: pair.toServer))
                }
            }
            guard poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR else { break }
            if polled[0].revents != 0 {
                // Something was changed meanwhile: it holds for what arrived meanwhile, too.
                control.wake.clear()
                continue
            }
            if mode == .open {
                for index in pairs.indices {
                    let (client, server) = (polled[2 + 2 * index].revents, polled[3 + 2 * index].revents)
                    if client != 0 || server != 0 { serve(index, client, server) }
                }
                for pair in pairs where pair.isOver { Self.end(pair) }
                pairs.removeAll { $0.isOver }
            }
            if polled[1].revents != 0 { takeCallers(mode) }
        }
        close(listener)
        endAll()
    }

    private static func interest(_ descriptor: Int32, inbound: [UInt8], outbound: [UInt8]) -> pollfd {
        let events = (inbound.count < capacity ? POLLIN : 0) | (outbound.isEmpty ? 0 : POLLOUT)
        return pollfd(fd: descriptor, events: Int16(events), revents: 0)
    }

    private mutating func takeCallers(_ mode: TCPProxy.Mode) {
        while let client = RoadSocket.accept(from: listener) {
            // A blocked road leads to the server as well: nothing is carried on it until it is open.
            guard mode != .cut, let server = RoadSocket.connect(to: target) else {
                close(client)
                continue
            }
            pairs.append(Pair(client: client, server: server))
        }
    }

    private mutating func serve(_ index: Int, _ client: Int16, _ server: Int16) {
        var pair = pairs[index]
        let broken = Int16(POLLERR | POLLHUP | POLLNVAL)
        if client & (Int16(POLLIN) | broken) != 0 {
            let isOver = !Self.read(pair.client, into: &pair.toServer)
            judgeCommand(&pair)
            if isOver {
                // What was said last still arrives.
                _ = Self.write(pair.server, &pair.toServer)
                pair.isOver = true
            }
        }
        if server & (Int16(POLLIN) | broken) != 0 {
            let had = pair.toClient.count
            let isOver = !Self.read(pair.server, into: &pair.toClient)
            judgeReply(&pair, newBytes: pair.toClient.count - had)
            if isOver {
                _ = Self.write(pair.client, &pair.toClient)
                pair.isOver = true
            }
        }
        if !pair.isOver {
            pair.isOver = !Self.write(pair.server, &pair.toServer) || !Self.write(pair.client, &pair.toClient)
        }
        pairs[index] = pair
    }

    private func judgeCommand(_ pair: inout Pair) {
        let bytes = pair.toServer
        guard !bytes.isEmpty else { return }
        let verdict = control.state.withLock { state -> (isLost: Bool, losesReply: Bool) in
            switch state.loss {
            case .command(let texts) where Self.contains(bytes, texts):
                state.loss = nil
                state.losses += 1
                return (true, false)
            case .replyTo(let texts) where Self.contains(bytes, texts):
                state.loss = nil
                return (false, true)
            case .command, .replyTo, .reply, nil: return (false, false)
            }
        }
        if verdict.isLost {
            pair.toServer = []
            pair.isOver = true
        }
        if verdict.losesReply { pair.losesReply = true }
    }

    private func judgeReply(_ pair: inout Pair, newBytes: Int) {
        guard newBytes > 0 else { return }
        let bytes = pair.toClient
        let isLost =
            pair.losesReply
            || control.state.withLock { state in
                guard case .reply(let texts) = state.loss, Self.contains(bytes, texts) else { return false }
                state.loss = nil
                return true
            }
        guard isLost else { return }
        control.state.withLock { $0.losses += 1 }
        pair.toClient = []
        pair.isOver = true
    }

    private static func contains(_ bytes: [UInt8], _ texts: [String]) -> Bool {
        texts.allSatisfy { text in
            let needle = Array(text.utf8)
            guard let first = needle.first, bytes.count >= needle.count else { return needle.isEmpty }
            return (0...bytes.count - needle.count).contains { place in
                bytes[place] == first && bytes[place...].starts(with: needle)
            }
        }
    }

    /// Reads what there is.
    ///
    /// - Returns: false when nothing more will come.
    private static func read(_ descriptor: Int32, into buffer: inout [UInt8]) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { place in
            while buffer.count < capacity {
                let count = Glibc.read(descriptor, place.baseAddress, place.count)
                if count > 0 {
                    buffer.append(contentsOf: place[..<count])
                    if count < place.count { return true }
                } else if count < 0, errno == EINTR {
                    continue
                } else {
                    return count < 0 && (errno == EAGAIN || errno == ENOTCONN)
                }
            }
            return true
        }
    }

    /// Writes what can be written.
    ///
    /// - Returns: false when nothing more can be.
    private static func write(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Bool {
        while !buffer.isEmpty {
            let count = buffer.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                buffer.removeFirst(count)
            } else if count < 0, errno == EINTR {
                continue
            } else {
                return count < 0 && (errno == EAGAIN || errno == ENOTCONN)
            }
        }
        return true
    }

    private static func end(_ pair: Pair) {
        close(pair.client)
        close(pair.server)
    }

    private mutating func endAll() {
        for pair in pairs { Self.end(pair) }
        pairs = []
    }
}
