/// Who asks, by the token.
struct Caller: Sendable, Hashable {
    /// The name that stands in the trail: that of the token, and after a slash the one that the client gave itself.
    var name: String
    var role: Role
    var tenant: String
    /// SHA-256 of what was presented, in lower-case hex.
    var tokenHash = ""
    /// The names that a client may give itself by this token; nil for any.
    var workers: [String]?
    /// Whether a browser's cookie was presented rather than a token.
    var isSession = false

    /// What a token may do.
    enum Role: String, Sendable, Hashable, CaseIterable {
        /// Looks.
        case viewer
        /// Looks, creates and changes workflows, answers.
        case `operator`
        /// Looks, and answers what people are asked.
        case approver
        /// May do everything.
        case admin
        /// A program that fetches files; nothing else.
        case agent

        /// Whether it may do this.
        func allows(_ permission: Permission) -> Bool {
            switch self {
            case .admin: true
            case .operator: permission != .administer
            case .approver: permission == .look || permission == .answer || permission == .fetch
            case .viewer: permission == .look || permission == .fetch
            case .agent: permission == .fetch
            }
        }
    }
}

/// What a route needs a token to allow.
enum Permission: String, Sendable, Hashable, CaseIterable {
    /// To read.
    case look
    /// To create workflows, and to change them and what belongs to them.
    case operate
    /// To say what people are asked.
    case answer
    /// To fetch stored files.
    case fetch
    /// Tokens, definitions, agents.
    case administer

    /// What it is about, for refusals.
    var deed: String {
        switch self {
        case .look: "looking at this"
        case .operate: "changing workflows"
        case .answer: "answering"
        case .fetch: "fetching files"
        case .administer: "administering"
        }
    }
}
