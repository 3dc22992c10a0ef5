import Glibc

/// A connection that sends one request after the other and waits for each answer: as little work as a client can do.
///
/// It blocks its thread. It understands answers with a Content-Length only, which is what the API sends.
struct HTTPConnection: ~Copyable {
    private let descriptor: Int32
    private let host: String
    private let authorization: String
    private var received: [UInt8] = []

    /// Connects to a port on this machine.
    init(port: UInt16, token: String) throws(BenchError) {
        let descriptor = try Self.connected(to: port)
        self.descriptor = descriptor
        host = "127.0.0.1:\(port)"
        authorization = "Bearer \(token)"
    }

    private static func connected(to port: UInt16) throws(BenchError) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw BenchError("socket: error \(errno)") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let code = errno
            close(descriptor)
            throw BenchError("port \(port) can't be reached: error \(code)")
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        return descriptor
    }

    deinit { close(descriptor) }

    /// Posts a JSON document.
    ///
    /// - Returns: status and body of the answer.
    mutating func post(_ path: String, _ body: String) throws(BenchError) -> (status: Int, body: [UInt8]) {
        try exchange(
            "POST \(path) HTTP/1.1\r\nHost: \(host)\r\nAuthorization: \(authorization)\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Gets a JSON document.
    mutating func get(_ path: String) throws(BenchError) -> (status: Int, body: [UInt8]) {
        try exchange("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nAuthorization: \(authorization)\r\n\r\n")
    }

    private mutating func exchange(_ request: String) throws(BenchError) -> (status: Int, body: [UInt8]) {
        try send(Array(request.utf8))
        while true {
            if let answer = try takeAnswer() { return answer }
            try receive()
        }
    }

    private func send(_ bytes: [UInt8]) throws(BenchError) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw BenchError("the API closed the connection: error \(errno)") }
            sent += count
        }
    }

    private mutating func receive() throws(BenchError) {
        let count = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { received.append(contentsOf: buffer[..<count]) }
            return count
        }
        guard count > 0 else { throw BenchError("the API closed the connection: error \(errno)") }
    }

    private mutating func takeAnswer() throws(BenchError) -> (status: Int, body: [UInt8])? {
        guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: received[..<end.lowerBound], as: UTF8.self).lowercased()
        let lines = head.split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }),
            let length = lines.first(where: { $0.hasPrefix("content-length:") })?.split(separator: ":").last
                .flatMap({ Int($0.filter(\.isNumber)) })
        else { throw BenchError("an answer can't be understood: \(head)") }
        guard received.count >= end.upperBound + length else { return nil }
        let body = Array(received[end.upperBound..<end.upperBound + length])
        received.removeFirst(end.upperBound + length)
        return (status, body)
    }
}
