import Dispatch
import Foundation
import Glibc
import JSONTools

/// An answer as it came over the wire.
struct Reply: Sendable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON; null if it is none.
    var json: JSONValue {
        (try? JSONValue(parsing: body, limits: JSONLimits(maxBytes: 16 << 20))) ?? .null
    }

    /// The events of a stream: id, kind, data.
    var events: [(id: Int?, kind: String, data: JSONValue)] {
        text.components(separatedBy: "\n\n").compactMap { block in
            var fields: [String: String] = [:]
            for line in block.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { continue }
                fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces)
            }
            guard let kind = fields["event"], let data = fields["data"] else { return nil }
            return (fields["id"].flatMap(Int.init), kind, (try? JSONValue(parsing: data)) ?? .null)
        }
    }
}

/// One request over a socket of its own, read until the server closes the connection or the body is complete.
enum RawHTTP {
    struct Failure: Error { var reason: String }

    /// After so many seconds without a byte a test gives up.
    static let patience = 30

    static func send(port: Int, _ bytes: [UInt8]) async throws -> Reply {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Swift.Result { try exchange(port: port, bytes) })
            }
        }
    }

    private static func exchange(port: Int, _ bytes: [UInt8]) throws -> Reply {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(reason: "no socket") }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(reason: "no connection to \(port): \(errno)") }
        // A server that has answered early may stop reading: what it answered counts.
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let count = Glibc.send(
                    descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return }
                sent += count
            }
        }
        let isHead = bytes.starts(with: Array("HEAD ".utf8))
        var received: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            guard count > 0 else { break }
            received += piece[..<count]
            if let reply = parse(received), isComplete(reply) || isHead { break }
        }
        guard var reply = parse(received) else {
            throw Failure(reason: "no answer: \(String(decoding: received.prefix(200), as: UTF8.self))")
        }
        if reply.headers["transfer-encoding"] == "chunked" { reply.body = unchunked(reply.body) }
        return reply
    }

    private static func parse(_ bytes: [UInt8]) -> Reply? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        return Reply(status: status, headers: headers, body: Array(bytes[end.upperBound...]))
    }

    private static func isComplete(_ reply: Reply) -> Bool {
        if let length = reply.headers["content-length"].flatMap({ Int($0) }) { return reply.body.count >= length }
        return reply.headers["transfer-encoding"] == "chunked" && reply.body.suffix(5) == Array("0\r\n\r\n".utf8)[...]
    }

    private static func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        var body: [UInt8] = []
        while let end = rest.firstRange(of: Array("\r\n".utf8)),
            let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16), size > 0,
            rest.endIndex >= end.upperBound + size
        {
            body += rest[end.upperBound..<end.upperBound + size]
            rest = rest[(end.upperBound + size)...].dropFirst(2)
        }
        return body
    }
}
