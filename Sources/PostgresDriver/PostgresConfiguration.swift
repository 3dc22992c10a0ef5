internal import CLibPQ

/// Where the database is and how to talk to it.
public struct PostgresConfiguration: Sendable {
    /// What libpq makes of the URL, in its order.
    private let urlOptions: [(keyword: String, value: String)]

    /// Shown in `pg_stat_activity`, at most 63 bytes. The URL's `application_name` goes before it.
    public var applicationName = "baton"
    /// How long making a connection may take, name resolution excepted.
    public var connectTimeout: Swift.Duration = .seconds(5)
    /// How long the server works on one statement before it gives up with SQLSTATE 57014; nil for ever.
    public var statementTimeout: Swift.Duration? = .seconds(30)
    /// How long the server may say nothing while it owes an answer, before the connection is dropped; nil for ever.
    ///
    /// Counted on top of ``statementTimeout``, so a session must not raise that by itself. Not used when that is nil.
    public var responseGrace: Swift.Duration = .seconds(5)
    /// How long ``PostgresConnection/close()`` waits for statements that run, and a cancelled statement is waited for,
    /// before the connection is dropped.
    public var closeGrace: Swift.Duration = .seconds(1)
    /// How many bytes of values one statement's result may have, at most 1 GiB.
    public var maxResultBytes = 256 << 20
    /// How many bytes the parameters of one call may have, at most 1 GiB.
    public var maxParameterBytes = 256 << 20
    /// How many prepared statements a connection keeps, at most 10,000.
    public var statementCacheCapacity = 256
    /// How many calls may wait for a connection's thread; further callers wait for room.
    public var mailboxCapacity = 1024
    /// How many calls may be on their way to the server and back, on one connection.
    public var maxCallsInFlight = 256
    /// Further settings of the session, such as `search_path`.
    public var sessionSettings: [String: String] = [:]
    /// Called with each NOTICE or WARNING of the server, on the connection's thread: it must not block.
    public var onNotice: (@Sendable (PostgresNotice) -> Void)?

    /// Reads a URL.
    ///
    /// - Parameters:
    ///   - url: as in PostgreSQL's documentation of libpq, 34.1.1.2, for instance
    ///     `postgresql://name:password@host:5432/database?sslmode=verify-full`, or `postgresql:///database?host=/run/dir`
    ///     for a Unix socket.
    ///   - password: the password, as it is, where the URL has none.
    /// - Throws: ``PostgresError/Code/invalidConfiguration``. The message does not hold the password.
    public init(url: String, password: String? = nil) throws(PostgresError) {
        guard url.hasPrefix("postgresql://") || url.hasPrefix("postgres://") else {
            throw PostgresError(
                .invalidConfiguration,
                "The database's URL must begin with postgresql://, for instance postgresql://user@host:5432/database.",
                outcome: .notSent)
        }
        var message: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(url, &message) else {
            PQfreemem(message)
            // libpq quotes the whole URL in some of its messages, so none is passed on.
            throw PostgresError(
                .invalidConfiguration,
                "The database's URL is not valid. The form is "
                    + "postgresql://user:password@host:port/database?option=value with special characters as %XX.",
                outcome: .notSent)
        }
        defer { PQconninfoFree(parsed) }
        var options: [(keyword: String, value: String)] = []
        var entry = parsed
        while let keyword = entry.pointee.keyword {
            if let value = entry.pointee.val {
                options.append((String(cString: keyword), String(cString: value)))
            }
            entry += 1
        }
        if let password {
            guard !options.contains(where: { $0.keyword == "password" && !$0.value.isEmpty }) else {
                throw PostgresError(
                    .invalidConfiguration, "The database's URL has a password, and another one was given beside it.",
                    outcome: .notSent)
            }
            options.append(("password", password))
        }
        urlOptions = options
    }

    /// The password that connections log in with; nil if there is none.
    public var password: String? { value(of: "password") }

    /// Where the database is, without user name or password, for messages.
    public var address: String {
        let host = value(of: "host") ?? value(of: "hostaddr") ?? "local socket"
        let port = value(of: "port").map { ":\($0)" } ?? ""
        return "\(host)\(port)/\(value(of: "dbname") ?? "")"
    }

    private func value(of keyword: String) -> String? { urlOptions.last { $0.keyword == keyword }?.value }

    /// Keywords and values for `PQconnectStartParams`; of a keyword given twice libpq takes the last.
    func connectionParameters() -> [(keyword: String, value: String)] {
        var parameters: [(keyword: String, value: String)] = [
            ("fallback_application_name", applicationName),
            // Kerberos encryption costs a round trip where nobody set it up.
            ("gssencmode", "disable"),
            // A host that vanished without a word is noticed within half a minute.
            ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ]
        parameters += urlOptions.filter { $0.keyword != "options" }
        parameters.append(("client_encoding", "UTF8"))
        var settings = sessionSettings
        if let statementTimeout { settings["statement_timeout"] = String(statementTimeout.wholeMilliseconds) }
        var options = value(of: "options") ?? ""
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            // libpq splits at spaces that no backslash precedes.
            let escaped = value.replacing("\\", with: "\\\\").replacing(" ", with: "\\ ")
            options += "\(options.isEmpty ? "" : " ")-c \(name)=\(escaped)"
        }
        if !options.isEmpty { parameters.append(("options", options)) }
        return parameters
    }
}

/// Something that the server remarked.
public struct PostgresNotice: Sendable, Hashable {
    /// `NOTICE`, `WARNING`, `INFO`, `LOG` or `DEBUG`, in English.
    public let severity: String
    /// The server's code.
    public let sqlState: SQLState?
    /// The server's message.
    public let message: String
}

extension Swift.Duration {
    /// Milliseconds, rounded up, at least 1 and at most the largest `Int32`, as settings of PostgreSQL take.
    var wholeMilliseconds: Int { Int(min(max(1, (wholeNanoseconds + 999_999) / 1_000_000), UInt64(Int32.max))) }

    /// Nanoseconds; 0 for what is negative, a century for what is longer.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 3_155_760_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
