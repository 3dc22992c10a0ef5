/// All that is decided before a run: what people want, which processes there are, what goes wrong and when.
///
/// Drawn from a seed, and a plain value, so that a failing one can be made smaller item by item. Times are milliseconds
/// from the start of the run.
package struct Scenario: Sendable, Hashable {
    /// Where everything that is left open here is drawn from: latencies, ids, jitter, choices.
    package var seed: UInt64
    package var orchestrators: [Orchestrator]
    package var agents: [Agent]
    package var workflows: [Workflow]
    package var acts: [Act]
    package var faults: [Fault]
    /// Whether all actions take seconds, and many ask for a grant.
    package var isSlow = false

    /// An orchestrator's host.
    package struct Orchestrator: Sendable, Hashable {
        /// How wrong its wall clock is.
        package var skew: Int64
    }

    /// An agent's host; when its process ends another one starts there.
    package struct Agent: Sendable, Hashable {
        package var type: String
        package var slots: Int
        /// When the first process starts.
        package var startsAt: Int64
        /// How wrong its wall clock is.
        package var skew: Int64
    }

    /// A workflow that a client wants.
    package struct Workflow: Sendable, Hashable {
        /// Its name, `w1`, `w2`, …: what the scripts of its actions are drawn by.
        package var number: Int
        /// Which of the definitions.
        package var definition: Int
        package var at: Int64
        package var hasKey: Bool
        /// Whether the client sends the request a second time under the same key.
        package var isSentTwice: Bool
        package var priority: Int
        /// Whose it is.
        package var tenant = "default"
        /// The number in its key; nil for its own.
        package var keyNumber: Int?

        package var name: String { "w\(number)" }
        /// The key that the client sends; nil for none.
        package var key: String? { hasKey ? "key of w\(keyNumber ?? number)" : nil }
    }

    /// What a client wants of a workflow.
    package struct Act: Sendable, Hashable {
        package enum Kind: String, Sendable, Hashable {
            case pause, resume, cancel, retry, answer
        }

        package var kind: Kind
        package var workflow: Int
        package var at: Int64
    }

    /// What goes wrong.
    package enum Fault: Sendable, Hashable {
        /// Redis is away for a while, and has what it had.
        case redisDown(at: Int64, for: Int64)
        /// Redis loses everything.
        case redisFlush(at: Int64)
        /// Redis dies and comes back, or a replica takes over, without what was done in its last milliseconds.
        case redisFallback(at: Int64, behind: Int64)
        case recordDown(at: Int64, for: Int64)
        /// Each request to the record takes long.
        case recordSlow(at: Int64, for: Int64)
        /// SIGKILL; another process starts after a while.
        case crash(Host, at: Int64, for: Int64)
        /// SIGSTOP, then SIGCONT.
        case stall(Host, at: Int64, for: Int64)
        /// The host reaches neither Redis nor the record.
        case cutOff(Host, at: Int64, for: Int64)
        /// SIGTERM; another process starts after a while.
        case terminate(Host, at: Int64, for: Int64)
        /// SIGKILL just before an orchestrator carries its n-th effect out.
        case crashAtEffect(orchestrator: Int, effect: Int)
        /// What becomes of the n-th commit of the run.
        case commit(Int, CommitFate)
        /// What becomes of the n-th call to Redis of a kind.
        case call(Call, Int, CallFate)
    }

    /// Where a process runs.
    package enum Host: Sendable, Hashable {
        case orchestrator(Int)
        case agent(Int)
    }

    package enum CommitFate: String, Sendable, Hashable, CaseIterable {
        /// Written, and the answer is lost.
        case unknownWritten
        /// Not written, and nobody can tell.
        case unknownLost
        /// A deadlock or the like.
        case repeatable
        /// The connection was lost before.
        case away
    }

    package enum Call: String, Sendable, Hashable, CaseIterable {
        case send, acknowledge, report, control, signal
    }

    package enum CallFate: String, Sendable, Hashable, CaseIterable {
        /// It arrived, and the answer is lost.
        case unknown
        /// It never arrived.
        case lost
    }
}

extension Scenario.Fault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .redisDown(let at, let span): "\(seconds(at)) Redis down for \(seconds(span))"
        case .redisFlush(let at): "\(seconds(at)) Redis loses everything"
        case .redisFallback(let at, let lag): "\(seconds(at)) Redis forgets its last \(seconds(lag))"
        case .recordDown(let at, let span): "\(seconds(at)) PostgreSQL down for \(seconds(span))"
        case .recordSlow(let at, let span): "\(seconds(at)) PostgreSQL slow for \(seconds(span))"
        case .crash(let host, let at, let span): "\(seconds(at)) \(host) killed, back after \(seconds(span))"
        case .stall(let host, let at, let span): "\(seconds(at)) \(host) stopped for \(seconds(span))"
        case .cutOff(let host, let at, let span): "\(seconds(at)) \(host) cut off for \(seconds(span))"
        case .terminate(let host, let at, let span): "\(seconds(at)) \(host) terminated, back after \(seconds(span))"
        case .crashAtEffect(let index, let effect): "o\(index) killed before its effect \(effect)"
        case .commit(let number, let fate): "commit \(number): \(fate.rawValue)"
        case .call(let call, let number, let fate): "\(call.rawValue) \(number): \(fate.rawValue)"
        }
    }
}

extension Scenario.Host: CustomStringConvertible {
    package var description: String {
        switch self {
        case .orchestrator(let index): "o\(index)"
        case .agent(let index): "a\(index)"
        }
    }
}

/// Milliseconds as seconds, for people.
func seconds(_ milliseconds: Int64) -> String {
    let rest = "\(abs(milliseconds) % 1000 + 1000)".dropFirst()
    return "\(milliseconds < 0 ? "-" : "")\(abs(milliseconds) / 1000).\(rest)s"
}
