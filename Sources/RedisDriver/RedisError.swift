/// Why a command, or a connection, to Redis failed.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is. Errors that the server replies with have the first word of the reply as their code
    /// (`NOGROUP`), those of the driver a lower-case word.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The word.
        public let rawValue: String

        /// A code from its word.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The command certainly had no effect: it waited for a connection until its deadline.
        public static let notSent = Code(rawValue: "not-sent")
        /// The connection was lost, or the reply did not come in time, after the command was sent: it may have had effect.
        public static let outcomeUnknown = Code(rawValue: "outcome-unknown")
        /// The client was closed before the command was sent.
        public static let closed = Code(rawValue: "closed")
        /// More commands wait than the client may hold. Nothing was sent.
        public static let overloaded = Code(rawValue: "overloaded")
        /// The task that waited for a blocking read was cancelled. What the read had got stays pending in its group.
        public static let cancelled = Code(rawValue: "cancelled")
        /// No connection could be made; it is tried again.
        public static let unreachable = Code(rawValue: "unreachable")
        /// The server refused the user or the password.
        public static let authenticationFailed = Code(rawValue: "authentication-failed")
        /// The server is part of a Redis Cluster.
        public static let clusterUnsupported = Code(rawValue: "cluster-unsupported")
        /// A URL or setting has no meaning here.
        public static let invalidConfiguration = Code(rawValue: "invalid-configuration")
        /// The server sent something that is not Redis' protocol, or not the reply of the command.
        public static let unexpectedReply = Code(rawValue: "unexpected-reply")
        /// A reply is larger than the configuration allows.
        public static let replyTooLarge = Code(rawValue: "reply-too-large")

        /// No such consumer group or stream.
        public static let noGroup = Code(rawValue: "NOGROUP")
        /// The consumer group exists already.
        public static let busyGroup = Code(rawValue: "BUSYGROUP")
        /// A blocked command was ended because its key was deleted or changed.
        public static let unblocked = Code(rawValue: "UNBLOCKED")
        /// The server is at its memory limit and takes no more data.
        public static let outOfMemory = Code(rawValue: "OOM")
        /// The server does not have the script yet.
        public static let noScript = Code(rawValue: "NOSCRIPT")
        /// The transaction had no effect because one of its commands was refused.
        public static let transactionAborted = Code(rawValue: "EXECABORT")
        /// The ACL does not allow the user this command, key or channel.
        public static let noPermission = Code(rawValue: "NOPERM")
        /// The server loads its data.
        public static let loading = Code(rawValue: "LOADING")
    }

    /// The kind of failure.
    public var code: Code
    /// What was found, what was expected, and what to do next.
    public var message: String

    /// An error of the driver.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// An error that the server replied with: its code is the first word if that is in capitals, else `ERR`.
    init(reply: String) {
        let word = reply.prefix { $0 != " " }
        let isCode = !word.isEmpty && word.utf8.allSatisfy { (0x41...0x5A).contains($0) }
        code = Code(rawValue: isCode ? String(word) : "ERR")
        message = reply
    }

    /// The code and the message.
    public var description: String { "\(code.rawValue): \(message)" }

    /// True if trying to connect again with the same settings is bound to fail, so nothing should wait for it.
    var isHopeless: Bool {
        [.authenticationFailed, .clusterUnsupported, .invalidConfiguration].contains(code)
    }
}

/// What became of one command.
public typealias RedisOutcome = Swift.Result<RedisValue, RedisError>
