import BlockingIO
import Glibc
import Synchronization

/// A road between a program and a server that can be blocked, cut, or lose one chosen message.
///
/// It listens on a free port of 127.0.0.1 and carries what it gets to and fro, on a thread of its own.
package final class TCPProxy: Sendable {
    /// What becomes of what is sent.
    package enum Mode: Sendable, Hashable {
        /// It is carried.
        case open
        /// It stays on the road, as while a network is split: connections stay, and what was sent arrives afterwards.
        case blocked
        /// Connections are ended, and new ones too, as soon as they are made.
        case cut
    }

    /// One loss: the connection on which such a message passes is ended, and the message doesn't arrive.
    package enum Loss: Sendable, Hashable {
        /// The command in which all of these texts stand is lost.
        case command([String])
        /// The command in which all of these texts stand arrives, its reply is lost.
        case replyTo([String])
        /// The reply in which all of these texts stand is lost.
        case reply([String])
    }

    /// Where programs connect to.
    package let port: Int
    private let control: RoadControl

    /// A road to a port of 127.0.0.1.
    package init(to target: Int) throws(RoadFault) {
        let listener = try ListeningSocket()
        port = listener.port
        let control = RoadControl()
        self.control = control
        _ = DedicatedThread(name: "road") {
            var carrier = RoadCarrier(listener: listener.descriptor, target: target, control: control)
            carrier.run()
        }
    }

    deinit { close() }

    /// What becomes of what is sent from now on.
    package var mode: Mode {
        get { control.state.withLock { $0.mode } }
        set { control.change { $0.mode = newValue } }
    }

    /// Loses the next message of this kind.
    package func lose(_ loss: Loss) { control.change { $0.loss = loss } }

    /// How many messages were lost as asked for.
    package var losses: Int { control.state.withLock { $0.losses } }

    /// Ends it, with all connections.
    package func close() { control.change { $0.isClosed = true } }
}

/// A road could not be opened.
package struct RoadFault: Error, CustomStringConvertible {
    package let description: String
}

/// What the owner of a road tells its thread.
final class RoadControl: Sendable {
    struct State {
        var mode = TCPProxy.Mode.open
        var loss: TCPProxy.Loss?
        var losses = 0
        var isClosed = false
    }

    let state = Mutex(State())
    let wake = WakeSignal(purpose: "a road")

    func change(_ body: (inout State) -> Void) {
        state.withLock { body(&$0) }
        wake.raise()
    }
}

/// A socket that listens on a free port of 127.0.0.1.
struct ListeningSocket {
    let descriptor: Int32
    let port: Int

    init() throws(RoadFault) {
        descriptor = RoadSocket.make()
        var address = RoadSocket.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let own = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(own, $0, length) == 0 && listen(own, 256) == 0 && getsockname(own, $0, &length) == 0
            }
        }
        guard isListening else {
            throw RoadFault(description: "no port for a road: \(String(cString: strerror(errno)))")
        }
        port = Int(in_port_t(bigEndian: address.sin_port))
    }
}

/// The few calls on sockets that a road makes; all sockets are non-blocking and closed in programs that are started.
enum RoadSocket {
    static func make() -> Int32 {
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        return socket(AF_INET, Int32(kind), 0)
    }

    static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return address
    }

    /// A connection that was made or is being made.
    static func connect(to port: Int) -> Int32? {
        let descriptor = make()
        var address = loopback(port: port)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 || errno == EINPROGRESS else {
            close(descriptor)
            return nil
        }
        setNoDelay(descriptor)
        return descriptor
    }

    static func accept(from listener: Int32) -> Int32? {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { return nil }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        setNoDelay(descriptor)
        return descriptor
    }

    private static func setNoDelay(_ descriptor: Int32) {
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }
}
