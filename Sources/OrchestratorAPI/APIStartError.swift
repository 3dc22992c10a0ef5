/// Why the API could not start.
public enum APIStartError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The address can't be listened on: taken, not ours, or not allowed.
    case address(host: String, port: Int, reason: String)
    /// The admin token can't be read or made.
    case adminToken(String)

    /// What was found and what to do next.
    public var description: String {
        switch self {
        case .address(let host, let port, let reason):
            "can't listen on \(host):\(port): \(reason); set BATON_PORT to another port (0 for any free one) or "
                + "BATON_HOST to an address of this machine"
        case .adminToken(let reason):
            reason
        }
    }
}
