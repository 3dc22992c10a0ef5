import Glibc

/// TCP ports of this machine.
enum LocalPort {
    /// The first port that an app is given.
    static let first = 4100
    static let last = 4999

    /// Whether a server could listen on a port now, on loopback and on all addresses.
    ///
    /// With `SO_REUSEADDR`, as servers set it: connections of a server that has just ended are no obstacle, one that
    /// still listens is.
    static func isFree(_ port: Int) -> Bool {
        [0x7F00_0001, 0].allSatisfy { canBind(port, address: $0) }
    }

    /// The lowest free port that nobody was promised.
    static func choose(promised: Set<Int>) -> Int? {
        (first...last).first { !promised.contains($0) && isFree($0) }
    }

    private static func canBind(_ port: Int, address: UInt32) -> Bool {
        guard let port = UInt16(exactly: port) else { return false }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var socketAddress = sockaddr_in()
        socketAddress.sin_family = sa_family_t(AF_INET)
        socketAddress.sin_port = port.bigEndian
        socketAddress.sin_addr.s_addr = address.bigEndian
        return withUnsafePointer(to: &socketAddress) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
