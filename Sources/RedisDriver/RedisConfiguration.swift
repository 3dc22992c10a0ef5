/// Where a Redis server is, who we are to it, and the limits of a connection.
public struct RedisConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// The address of a server.
    public enum Endpoint: Sendable, Hashable {
        /// A host name or address, and a port.
        case tcp(host: String, port: Int)
        /// The path of a Unix domain socket.
        case unix(path: String)
    }

    /// The address of the server.
    public var endpoint: Endpoint
    /// The ACL user; nil for `default`.
    public var username: String?
    /// The password; nil if none is asked for.
    public var password: String?
    /// The number of the database.
    public var database: Int = 0
    /// What `CLIENT LIST` shows; no spaces.
    public var clientName: String = "baton"
    /// How long one attempt to connect and log in may take.
    public var connectTimeout: Duration = .seconds(1)
    /// How long the server may take to reply to a command once it was sent. Blocking reads add the time they block.
    public var commandTimeout: Duration = .seconds(5)
    /// How long a command may wait for a connection before it fails as `notSent`.
    public var queueTimeout: Duration = .seconds(5)
    /// The longest pause between two attempts to connect.
    public var maximumReconnectPause: Duration = .seconds(1)
    /// How many submissions (commands, pipelines or transactions) may wait before more are refused as `overloaded`.
    public var queueCapacity: Int = 65_536
    /// The largest reply to one submission, in bytes.
    public var maximumReplyBytes: Int = 64 << 20

    /// The defaults for a server.
    public init(endpoint: Endpoint) { self.endpoint = endpoint }

    /// Reads a URL.
    ///
    /// `redis://[user[:password]@]host[:port][/database]`, or `unix://[user[:password]@]/path[?db=1]`; user, password and
    /// path may be percent-encoded, an IPv6 address stands in brackets. Both also take `?db=`, `?user=`, `?password=`.
    ///
    /// - Parameters:
    ///   - url: The URL.
    ///   - separatePassword: The password, as it is, where the URL has none.
    /// - Throws: `invalidConfiguration`, saying what was found. `rediss://` (TLS) is refused: hiredis 0.14 has none.
    public init(url: String, password separatePassword: String? = nil) throws(RedisError) {
        let text = Substring(url)
        if text.hasPrefix("rediss://") {
            throw RedisError(
                .invalidConfiguration,
                "rediss:// needs TLS, which hiredis 0.14 does not have. Use redis:// over a private network, a unix:// "
                    + "socket, or a TLS tunnel (stunnel) on this host.")
        }
        let isUnix = text.hasPrefix("unix://")
        guard isUnix || text.hasPrefix("redis://") else {
            throw Self.invalid(url, "expected redis://host:port/database or unix:///path/of/socket")
        }
        var rest = text.dropFirst(isUnix ? "unix://".count : "redis://".count)
        var query = Substring()
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        let path = rest[slash...]
        var user: String?
        var secret: String?
        if let at = authority.lastIndex(of: "@") {
            let login = authority[..<at]
            authority = authority[authority.index(after: at)...]
            let colon = login.firstIndex(of: ":")
            user = try Self.decode(login[..<(colon ?? login.endIndex)], url)
            if let colon { secret = try Self.decode(login[login.index(after: colon)...], url) }
        }
        if isUnix {
            guard authority.isEmpty, path.count > 1 else {
                throw Self.invalid(url, "expected an absolute path after unix:// (three slashes)")
            }
            self.init(endpoint: .unix(path: try Self.decode(path, url)))
        } else {
            self.init(endpoint: try Self.endpoint(authority, url))
            if path.count > 1 { database = try Self.database(path.dropFirst(), url) }
        }
        username = user.flatMap { $0.isEmpty ? nil : $0 }
        password = secret
        for option in query.split(separator: "&") {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? parts[1] : ""
            switch parts[0] {
            case "db": database = try Self.database(value, url)
            case "user": username = try Self.decode(value, url)
            case "password": password = try Self.decode(value, url)
            default: throw Self.invalid(url, "there is no option \"\(parts[0])\"; there are db, user and password")
            }
        }
        if let separatePassword {
            guard password == nil else { throw Self.invalid(url, "it has a password, and another was given beside it") }
            password = separatePassword
        }
        if username != nil, password == nil {
            throw Self.invalid(url, "a user without a password; Redis asks for both")
        }
    }

    /// The address and database, without the password.
    public var description: String {
        let login = username.map { "\($0)@" } ?? ""
        return switch endpoint {
        case .tcp(let host, let port): "redis://\(login)\(host):\(port)/\(database)"
        case .unix(let path): "unix://\(login)\(path)" + (database == 0 ? "" : "?db=\(database)")
        }
    }

    private static func endpoint(_ authority: Substring, _ url: String) throws(RedisError) -> Endpoint {
        var host = authority
        var port: Substring = "6379"
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            let after = authority[authority.index(after: bracket)...]
            if after.hasPrefix(":") { port = after.dropFirst() }
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard let number = Int(port), (1...65_535).contains(number) else {
            throw invalid(url, "the port \"\(port)\" is not a number from 1 to 65535")
        }
        return .tcp(host: host.isEmpty ? "127.0.0.1" : String(host), port: number)
    }

    private static func database(_ text: Substring, _ url: String) throws(RedisError) -> Int {
        guard let number = Int(text), number >= 0 else {
            throw invalid(url, "the database \"\(text)\" is not a number from 0 up")
        }
        return number
    }

    private static func decode(_ text: Substring, _ url: String) throws(RedisError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let decoded = UInt8(String(Substring(rest.prefix(2))), radix: 16) else {
                throw invalid(url, "a % must be followed by two hexadecimal digits (a plain % is %25)")
            }
            bytes.append(decoded)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Names the URL without what stands before an `@`, and without options, because a password may stand there.
    private static func invalid(_ url: String, _ reason: String) -> RedisError {
        let plain = url.prefix { $0 != "?" }
        let scheme = plain.prefix { $0 != "/" }
        let shown = plain.lastIndex(of: "@").map { "\(scheme)//…\(plain[$0...])" } ?? String(plain)
        return RedisError(.invalidConfiguration, "The Redis URL \(shown) is not usable: \(reason).")
    }
}
