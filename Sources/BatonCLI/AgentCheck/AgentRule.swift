/// The rules that an agent has to keep (docs/protocol, "What an agent does") and that can be seen from outside, in the
/// order in which they are tried.
///
/// Not seen from outside, and not tried: grants (noop is not exclusive), commits and artifacts, the rate of log lines.
enum AgentRule: String, Sendable, CaseIterable {
    case register, heartbeat, lanes, transaction, slots, begun, cancel, verdict, withdrawn, timeout, held, envelope
    case limits, unknown, action, garbage, known, drain, reconnect, loss, leave, form, restart, namespace, abandon

    /// The rule, as a sentence.
    var sentence: String {
        switch self {
        case .register: "it registers, with an id of its own"
        case .heartbeat: "it sends a heartbeat every 5 s"
        case .lanes: "it takes tasks from all four lanes, answers, and removes them"
        case .transaction: "it says a result and removes the task in one transaction"
        case .slots: "it takes no more than its slots, and the most urgent first"
        case .begun: "it says that it has begun, and heartbeats go on while it works"
        case .cancel: "it stops within 5 s when it is told to"
        case .verdict: "it stops within 5 s of the verdict stop"
        case .withdrawn: "it doesn't start what was cancelled before"
        case .timeout: "it ends what takes longer than its timeout"
        case .held: "it keeps its result until that is settled, and says it again"
        case .envelope: "it answers an envelope that is not valid with INVALID_ENVELOPE"
        case .limits: "it refuses an envelope that is too large or nested too deep"
        case .unknown: "it ignores fields and messages that it doesn't know"
        case .action: "it fails an action that it doesn't know, for good"
        case .garbage: "it rejects what it can't read, and removes it"
        case .known: "it registers again when it isn't known"
        case .drain: "it takes no more while it is drained, and again afterwards"
        case .reconnect: "after a reconnect it does what was delivered and never arrived, and nothing twice"
        case .loss: "it goes on after Redis has forgotten everything"
        case .leave: "on SIGTERM it ends what it has begun, leaves the rest, says goodbye and exits with 0"
        case .form: "all that it says is JSON in the field envelope, of the protocol's form"
        case .restart: "a new start has a new id and finds what was sent before"
        case .namespace: "it puts BATON_NAMESPACE before every name"
        case .abandon: "on SIGTERM it gives up after 25 s and says what it abandoned"
        }
    }

    /// How many of the rules are kept, which are not, and how many were not tried.
    ///
    /// - Parameter count: how many were to be tried; an agent that doesn't register is asked for nothing else.
    static func verdict(_ outcomes: [RuleOutcome], of count: Int) -> String {
        let broken = outcomes.filter { $0.trouble != nil }.map(\.rule.rawValue)
        var text = "\(outcomes.count - broken.count) of \(count) rules are kept"
        if !broken.isEmpty { text += "; broken: \(broken.joined(separator: ", "))" }
        if outcomes.count < count { text += "; not tried: \(count - outcomes.count)" }
        return text + "."
    }
}

/// What came of looking at one rule.
struct RuleOutcome: Sendable {
    var rule: AgentRule
    /// Nil if it is kept, otherwise what was seen instead.
    var trouble: String?
}
