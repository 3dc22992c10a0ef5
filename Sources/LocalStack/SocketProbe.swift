import Foundation
import Glibc

/// Where a probe connects to.
enum ProbeAddress: Sendable, Hashable {
    case unix(String)
    /// An IPv4 address in dotted form, and a port.
    case tcp(String, port: Int)
}

/// One short question over a socket: connect, write, read until the answer is there. Nothing here waits longer than
/// told.
enum SocketProbe {
    /// Asks in a thread of the dispatch pool, for the calls block.
    ///
    /// - Returns: all bytes received until `isComplete` was content or the peer closed; nil if the connection failed or
    ///   took longer than `timeout`.
    static func ask(
        _ address: ProbeAddress,
        _ question: [UInt8],
        timeout: Duration,
        isComplete: @escaping @Sendable ([UInt8]) -> Bool
    ) async -> [UInt8]? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let answer = askBlocking(address, question, timeout: timeout, isComplete: isComplete)
                continuation.resume(returning: answer)
            }
        }
    }

    private static func askBlocking(
        _ address: ProbeAddress,
        _ question: [UInt8],
        timeout: Duration,
        isComplete: ([UInt8]) -> Bool
    ) -> [UInt8]? {
        let deadline = ContinuousClock.now + timeout
        guard let descriptor = connected(to: address, timeout: timeout) else { return nil }
        defer { close(descriptor) }
        guard
            question.withUnsafeBytes({ send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) })
                == question.count
        else { return nil }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while ContinuousClock.now < deadline && answer.count < 1 << 20 {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return answer }
            answer.append(contentsOf: chunk[..<count])
            if isComplete(answer) { return answer }
        }
        return nil
    }

    /// A connected socket whose sends and receives give up after `timeout`.
    private static func connected(to address: ProbeAddress, timeout: Duration) -> Int32? {
        let family = if case .unix = address { AF_UNIX } else { AF_INET }
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let (seconds, attoseconds) = timeout.components
        var limit = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard withSocketAddress(address, { connect(descriptor, $0, $1) }) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Calls `body` with the C form of an address; -1 if it has none (a socket path over 107 bytes, a bad number).
    static func withSocketAddress(
        _ address: ProbeAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        switch address {
        case .unix(let path):
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            guard bytes.count < MemoryLayout.size(ofValue: name.sun_path) else { return -1 }
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
            return withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        case .tcp(let host, let port):
            guard let port = UInt16(exactly: port) else { return -1 }
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            guard inet_pton(AF_INET, host, &name.sin_addr) == 1 else { return -1 }
            return withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }
}
