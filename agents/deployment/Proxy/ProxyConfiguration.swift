/// What HAProxy is told: one address, two servers behind it, and three ways to choose between them.
///
/// The way is looked up in a map and the servers' addresses are set through the proxy's own socket, so that a switch
/// neither restarts the proxy nor closes a connection. The file always says what holds at the time, so that a proxy
/// that has to be started again starts with it.
struct ProxyConfiguration: Sendable, Hashable {
    /// Where clients connect to, on 127.0.0.1.
    var port: Int
    /// Path of the apps' health check; ASCII without spaces.
    var health: String
    /// Where each release listens on 127.0.0.1; a slot that is absent gets no requests.
    var servers: [ProxySlot: Int]
    var route: ProxyRoute
    /// Absolute paths; none may hold white space or a sign that HAProxy gives a meaning.
    var socket: String
    var map: String

    /// The only key of the map.
    static let mapKey = "live"

    /// The map's file.
    var mapText: String { "\(Self.mapKey) \(route.backend)\n" }

    /// HAProxy's configuration (version 2.2 or newer).
    var text: String {
        """
        # Written by Baton's deployment agent; it is replaced with every deployment.
        global
            stats socket \(Self.quoted(socket)) mode 600 level admin
            maxconn 2000
            no strict-limits

        defaults
            mode http
            timeout connect 2s
            timeout client 60s
            timeout server 60s
            timeout http-request 10s
            timeout queue 5s
            # What could not be delivered goes to the other release; what may have had an effect is not sent twice.
            option redispatch 1
            retries 3
            retry-on conn-failure empty-response
            option forwardfor

        frontend app
            bind 127.0.0.1:\(port)
            http-request disable-l7-retry unless METH_GET
            use_backend %[str(\(Self.mapKey)),map(\(map))]

        \(backend(.blue, fallback: .green))

        \(backend(.green, fallback: .blue))

        backend both
        \(check)
        \(server(.blue, weight: weight(.blue)))
        \(server(.green, weight: weight(.green)))

        """
    }

    private func backend(_ slot: ProxySlot, fallback: ProxySlot) -> String {
        """
        backend \(slot.rawValue)
        \(check)
        \(server(slot))
        \(server(fallback)) backup
        """
    }

    private var check: String { "    option httpchk GET \(Self.quoted(health))" }

    /// The part of the requests that a slot gets while both get some.
    func weight(_ slot: ProxySlot) -> Int {
        switch route {
        case .only: 50
        case .share(let chosen, let percent): slot == chosen ? percent : 100 - percent
        }
    }

    private func server(_ slot: ProxySlot, weight: Int? = nil) -> String {
        let port = servers[slot] ?? 1
        var line = "    server \(slot.rawValue) 127.0.0.1:\(port) check inter 500ms fall 2 rise 1"
        line += " observe layer4 error-limit 1 on-error mark-down"
        if let weight { line += " weight \(weight)" }
        if servers[slot] == nil { line += " disabled" }
        return line
    }

    /// A word of a configuration line: in quotes, in which HAProxy gives no sign but these a meaning.
    private static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
