import Glibc

/// Ports of the loopback interface.
public enum LoopbackPort {
    /// Whether a server could listen on this port now.
    public static func isFree(_ port: Int, host: String = "127.0.0.1") -> Bool { bound(port, host: host) != nil }

    /// A port that nobody listens on, drawn at random from 20000…32767.
    ///
    /// That is below the range from which Linux gives ports to outgoing connections (ip(7), `ip_local_port_range`), so
    /// a connection of somebody else doesn't take it before a server has started.
    public static func free(host: String = "127.0.0.1") -> Int? {
        for _ in 0..<100 {
            let port = Int.random(in: 20_000...32_767)
            if isFree(port, host: host) { return port }
        }
        return bound(0, host: host)
    }

    /// `preferred` if it is free and not among `taken`, otherwise another.
    static func choose(preferred: [Int], taken: Set<Int> = [], host: String = "127.0.0.1") -> Int? {
        for port in preferred where !taken.contains(port) && isFree(port, host: host) { return port }
        for _ in 0..<20 {
            if let port = free(host: host), !taken.contains(port) { return port }
        }
        return nil
    }

    private static func bound(_ port: Int, host: String) -> Int? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let address = ProbeAddress.tcp(host, port: port)
        guard SocketProbe.withSocketAddress(address, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1) == 0
        else { return nil }
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let got = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return got == 0 ? Int(UInt16(bigEndian: name.sin_port)) : nil
    }
}
