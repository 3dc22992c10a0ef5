import AgentRuntime
import Glibc
import JSONTools

/// The socket on which HAProxy takes commands (HAProxy Management Guide, 9.3 "Unix Socket commands").
struct ProxySocket: Sendable, Hashable {
    let path: String

    /// What a server has done since the proxy was started, all backends together.
    struct ServerFigures: Sendable, Hashable {
        /// Requests that are being answered.
        var current = 0
        /// Answers.
        var answers = 0
        /// Answers with a status of 500 or above.
        var errors = 0
    }

    /// Sends one command and returns what is answered.
    ///
    /// - Throws: ``ActionFailure`` `PROXY_FAILED` when nobody answers.
    func ask(_ command: String) throws -> String {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("no socket") }
        defer { Glibc.close(descriptor) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw failure("its path is too long") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isConnected else { throw failure(String(cString: strerror(errno))) }
        let line = Array((command + "\n").utf8)
        guard send(descriptor, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else {
            throw failure("it takes no command")
        }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while answer.count < 1 << 20 {
            let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw failure("it gives no answer to \(command)")
            }
            answer.append(contentsOf: chunk.prefix(count))
        }
        return String(decoding: answer, as: UTF8.self)
    }

    /// Sends a command that changes something.
    ///
    /// - Throws: ``ActionFailure`` `PROXY_FAILED` with the proxy's own words.
    func command(_ command: String) throws {
        let answer = try ask(command)
        let refusals = [
            "No such", "Unknown", "nvalid", "equire", "Can't", "Permission", "Missing", "unable", "not found",
        ]
        if refusals.contains(where: { answer.firstRange(of: $0) != nil }) { throw failure("\(command): \(answer)") }
    }

    /// Tells the proxy where requests go from now on.
    func route(_ configuration: ProxyConfiguration) throws {
        if case .share = configuration.route {
            for slot in ProxySlot.allCases {
                try command("set server both/\(slot.rawValue) weight \(configuration.weight(slot))")
            }
        }
        let key = ProxyConfiguration.mapKey
        try command("set map \(configuration.map) \(key) \(configuration.route.backend)")
    }

    /// Tells the proxy where the release in a slot listens, and that it is well.
    func admit(_ slot: ProxySlot, port: Int) throws {
        for backend in Self.backends {
            let server = "\(backend)/\(slot.rawValue)"
            try command("set server \(server) addr 127.0.0.1 port \(port)")
            try command("set server \(server) state ready")
            try command("set server \(server) health up")
        }
    }

    /// No request goes to a slot any more.
    func exclude(_ slot: ProxySlot) throws {
        for backend in Self.backends { try command("set server \(backend)/\(slot.rawValue) state maint") }
    }

    /// What the release in a slot has done.
    func figures(of slot: ProxySlot) throws -> ServerFigures { Self.figures(of: slot, in: try ask("show stat")) }

    /// Reads `show stat`: a table with a line of titles.
    static func figures(of slot: ProxySlot, in table: String) -> ServerFigures {
        let lines = table.split(whereSeparator: \.isNewline)
        let titles = (lines.first ?? "").split(separator: ",", omittingEmptySubsequences: false).map {
            $0.drop { $0 == "#" || $0 == " " }
        }
        var figures = ServerFigures()
        for line in lines.dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            func field(_ title: String) -> Substring {
                titles.firstIndex { $0 == title }.flatMap { $0 < fields.count ? fields[$0] : nil } ?? ""
            }
            guard field("svname") == slot.rawValue else { continue }
            figures.current += Int(field("scur")) ?? 0
            figures.errors += Int(field("hrsp_5xx")) ?? 0
            for status in 1...5 { figures.answers += Int(field("hrsp_\(status)xx")) ?? 0 }
        }
        return figures
    }

    private static let backends = ProxySlot.allCases.map(\.rawValue) + ["both"]

    private func failure(_ reason: String) -> ActionFailure {
        ActionFailure(
            code: "PROXY_FAILED", message: "The reverse proxy at \(path): \(reason)", retryable: true)
    }
}
