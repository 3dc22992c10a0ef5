import RedisDriver

/// Why something could not be carried.
public struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is, by what the caller can do about it.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// Redis can't be reached, or too much waits for it. Nothing happened; try again later.
        case unavailable
        /// It was sent and may have happened, or not. Look it up, or do it again if that is harmless.
        case outcomeUnknown
        /// Redis is at its memory limit. Nothing happened; hold back and try again later.
        case outOfMemory
        /// The bus was closed.
        case closed
        /// The task that waited was cancelled.
        case cancelled
        /// Redis refuses us, or is a Redis Cluster. People must mend the configuration.
        case misconfigured
        /// Redis refused the command, or replied what it shouldn't.
        case refused
    }

    /// What kind of failure it is.
    public var code: Code
    /// What was found and what to do.
    public var message: String

    /// A failure.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// What a failure of the driver means to us.
    init(_ error: RedisError) {
        let code: Code =
            switch error.code {
            case .notSent, .unreachable, .overloaded, .loading: .unavailable
            case .outcomeUnknown: .outcomeUnknown
            case .outOfMemory: .outOfMemory
            case .closed: .closed
            case .cancelled: .cancelled
            case .authenticationFailed, .clusterUnsupported, .invalidConfiguration, .noPermission: .misconfigured
            default: .refused
            }
        self.init(code, error.description)
    }

    /// The code and the message.
    public var description: String { "\(code.rawValue): \(message)" }
}
