import Glibc

/// A caller of the API who asks and asks and never reads an answer.
package final class DeafCaller: Sendable {
    private let socket: Int32

    /// Connects to a port of this machine and asks until the server takes no more: its answers then fill all buffers.
    ///
    /// - Returns: nil if there is no connection, or the server takes too much for it.
    package init?(port: Int, path: String, token: String) {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return nil }
        // Small buffers are full soon.
        var size: Int32 = 2048
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected, ask(path, token) else { return nil }
    }

    deinit { Glibc.close(socket) }

    /// Sends requests until none is taken for a second.
    private func ask(_ path: String, _ token: String) -> Bool {
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8)
        for _ in 0..<200_000 {
            var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 1000) > 0 else { return true }
            guard send(socket, request, request.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) != 0 else { return false }
        }
        return false
    }
}
