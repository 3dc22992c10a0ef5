import Hummingbird
import NIOCore

/// What is known about a request while it is answered.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection that it came on.
    let channel: any Channel
    /// Who asks; nil where no token is needed.
    var caller: Caller?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Who asks, by the token.
struct Caller: Sendable, Hashable {
    var name: String
    var role: Role
    var tenant: String

    /// What a token may do.
    enum Role: String, Sendable, Hashable, CaseIterable {
        case viewer, `operator`, approver, admin, agent

        /// Whether it may create and cancel workflows.
        var changesWorkflows: Bool {
            switch self {
            case .operator, .admin: true
            case .viewer, .approver, .agent: false
            }
        }
    }
}
