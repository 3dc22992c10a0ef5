package import WorkflowStorage

/// How many tasks of each agent type may be on the road, as a value: what is beyond waits in the record, where it can be
/// let go fairly and nothing of it is lost with Redis.
///
/// A window is never smaller than what the agents of the type have lately done in ``paceSpan``: short tasks would otherwise
/// be queued and let go one after the other, at the cost of a further write each, though none of them waits for an agent.
///
/// What is in flight is an estimate: right after each look of the sweeper, and by what this orchestrator sends and closes
/// in between. Several orchestrators together may overdraw a window until the next look.
package struct SendWindow: Sendable {
    /// The smallest window, in tasks.
    package static let smallest = 64
    /// Tasks a slot of a living agent, so that no agent waits for the orchestrator.
    package static let perSlot = 4
    /// The most tasks that are let go at once.
    package static let releaseLimit = 256
    /// The part of a window that must be free before closings alone let tasks go: a few at a time cost a query each.
    static let slack = 8

    /// For how long the work that is on the road lasts at most, in milliseconds, at the pace of the type's agents.
    static let paceSpan: Int64 = 500
    /// The largest window that a pace makes, in tasks.
    static let largestByPace = 4096

    /// The window of a type whose living agents run `slots` tasks at once, in tasks.
    package static func size(slots: Int) -> Int {
        max(smallest, perSlot * slots)
    }

    /// Queued tasks to be let go.
    package struct Release: Sendable, Hashable {
        /// Type of the agents.
        package var agentType: String
        /// The most to let go.
        package var count: Int
        /// How many of the type were let go before, which tells whose turn it is.
        package var turn: Int
        /// When that was asked for, in milliseconds of a monotonic clock: what comes late is not sent any more.
        package var askedAt: Int64
    }

    /// How many tasks were closed in the current span and in the last whole one, which is a moving measure of pace that
    /// forgets within two spans.
    private struct Pace: Sendable {
        var span: Int64 = 0
        var closed = 0
        var closedBefore = 0

        mutating func note(_ count: Int, at monotonic: Int64) {
            let now = monotonic / SendWindow.paceSpan
            if now != span {
                closedBefore = now == span + 1 ? closed : 0
                (span, closed) = (now, 0)
            }
            closed += count
        }

        func window(at monotonic: Int64) -> Int {
            let now = monotonic / SendWindow.paceSpan
            let closedLately = now == span ? max(closed, closedBefore) : now == span + 1 ? closed : 0
            return min(closedLately, SendWindow.largestByPace)
        }
    }

    private struct Lane: Sendable {
        /// What the slots of the living agents allow.
        var bySlots = SendWindow.smallest
        var pace = Pace()
        var inFlight = 0
        /// Tasks that wait in the record, as far as is known.
        var queued = 0
        /// Those of them that were queued here since the sweeper last counted, which it may not have seen.
        var queuedSince = 0
        var turn = 0
        var isReleasing = false

        func window(at monotonic: Int64) -> Int { max(bySlots, pace.window(at: monotonic)) }
        func room(at monotonic: Int64) -> Int { window(at: monotonic) - inFlight }
    }

    /// What a batch did, to be counted once it is committed.
    struct Use: Sendable {
        var sent = 0
        var queued = 0
        var closed = 0
    }

    /// The time, in milliseconds of a monotonic clock: whoever uses the windows keeps it.
    package var monotonic: Int64 = 0
    private var lanes: [String: Lane] = [:]
    private(set) var use: [String: Use] = [:]

    /// Whether nothing is under way, as far as is known.
    var isIdle: Bool { lanes.values.allSatisfy { $0.inFlight == 0 && $0.queued == 0 } }

    /// Windows of which nothing is known yet.
    package init() {}

    /// Decides about a new task of a batch.
    ///
    /// - Returns: whether it is sent; otherwise it is recorded as queued.
    mutating func admits(_ agentType: String) -> Bool {
        let lane = lanes[agentType] ?? Lane()
        var used = use[agentType] ?? Use()
        // While others wait a new one doesn't overtake them.
        let onTheRoad = lane.inFlight + used.sent - used.closed
        let isAdmitted = lane.queued + used.queued == 0 && onTheRoad < lane.window(at: monotonic)
        if isAdmitted { used.sent += 1 } else { used.queued += 1 }
        use[agentType] = used
        return isAdmitted
    }

    /// Notes that a batch closes an attempt that was sent.
    mutating func close(_ agentType: String) {
        use[agentType, default: Use()].closed += 1
    }

    /// Counts what a committed batch did.
    mutating func count(_ use: [String: Use]) {
        for (agentType, used) in use {
            var lane = lanes[agentType] ?? Lane()
            lane.inFlight = max(0, lane.inFlight + used.sent - used.closed)
            lane.pace.note(used.closed, at: monotonic)
            lane.queued += used.queued
            lane.queuedSince += used.queued
            lanes[agentType] = lane
        }
    }

    /// Takes over what the sweeper counted in the record.
    package mutating func learn(_ loads: [AgentTypeLoad]) {
        var counted = Set(loads.map(\.agentType))
        for load in loads {
            var lane = lanes[load.agentType] ?? Lane()
            lane.bySlots = Self.size(slots: load.slots)
            lane.inFlight = load.sent
            lane.queued = load.queued + lane.queuedSince
            lane.queuedSince = 0
            lanes[load.agentType] = lane
        }
        for (agentType, lane) in lanes where counted.insert(agentType).inserted {
            lanes[agentType]?.bySlots = Self.smallest
            lanes[agentType]?.inFlight = 0
            lanes[agentType]?.queued = lane.queuedSince
            lanes[agentType]?.queuedSince = 0
        }
    }

    /// What may be let go now. Each release has to be answered by ``released(_:got:)``.
    ///
    /// - Parameter all: whether a single free place is reason enough.
    package mutating func releases(all: Bool) -> [Release] {
        var releases: [Release] = []
        for (agentType, lane) in lanes where lane.queued > 0 && !lane.isReleasing {
            let (window, room) = (lane.window(at: monotonic), lane.room(at: monotonic))
            guard room > 0, all || room >= window / Self.slack else { continue }
            lanes[agentType]?.isReleasing = true
            releases.append(
                Release(
                    agentType: agentType, count: min(room, Self.releaseLimit), turn: lane.turn,
                    askedAt: monotonic))
        }
        return releases.sorted { $0.agentType < $1.agentType }
    }

    /// What may be let go in the transaction of a batch that is about to be committed: with the places that it frees.
    mutating func releases(with use: [String: Use]) -> [Release] {
        var committed = self
        committed.count(use)
        let releases = committed.releases(all: false)
        for release in releases { lanes[release.agentType, default: Lane()].isReleasing = true }
        return releases
    }

    /// Notes how many tasks were let go; nil if the record could not be asked.
    package mutating func released(_ agentType: String, got: Int?) {
        guard var lane = lanes[agentType] else { return }
        lane.isReleasing = false
        if let got {
            lane.turn += got
            lane.inFlight += got
            // Fewer than asked for may mean that another orchestrator holds some; none at all, that none is left.
            lane.queued = got == 0 ? 0 : max(0, lane.queued - got)
            lane.queuedSince = min(lane.queuedSince, lane.queued)
        }
        lanes[agentType] = lane
    }
}
