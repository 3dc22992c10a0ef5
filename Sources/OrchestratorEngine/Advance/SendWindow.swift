package import WorkflowStorage

/// How many tasks of each agent type may be on the road, as a value: what is beyond waits in the record, where it can be
/// let go fairly and nothing of it is lost with Redis.
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

    private struct Lane: Sendable {
        var window = SendWindow.smallest
        var inFlight = 0
        /// Tasks that wait in the record, as far as is known.
        var queued = 0
        /// Those of them that were queued here since the sweeper last counted, which it may not have seen.
        var queuedSince = 0
        var turn = 0
        var isReleasing = false

        var room: Int { window - inFlight }
    }

    /// What a batch did, to be counted once it is committed.
    struct Use: Sendable {
        var sent = 0
        var queued = 0
        var closed = 0
    }

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
        let isAdmitted = lane.queued + used.queued == 0 && lane.inFlight + used.sent - used.closed < lane.window
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
            lane.window = Self.size(slots: load.slots)
            lane.inFlight = load.sent
            lane.queued = load.queued + lane.queuedSince
            lane.queuedSince = 0
            lanes[load.agentType] = lane
        }
        for (agentType, lane) in lanes where counted.insert(agentType).inserted {
            lanes[agentType]?.window = Self.smallest
            lanes[agentType]?.inFlight = 0
            lanes[agentType]?.queued = lane.queuedSince
            lanes[agentType]?.queuedSince = 0
        }
    }

    /// What may be let go now. Each release has to be answered by ``released(_:got:)``.
    ///
    /// - Parameter all: whether a single free place is reason enough.
    package mutating func releases(all: Bool, at monotonic: Int64) -> [Release] {
        var releases: [Release] = []
        for (agentType, lane) in lanes where lane.queued > 0 && lane.room > 0 && !lane.isReleasing {
            guard all || lane.room >= lane.window / Self.slack else { continue }
            lanes[agentType]?.isReleasing = true
            releases.append(
                Release(
                    agentType: agentType, count: min(lane.room, Self.releaseLimit), turn: lane.turn,
                    askedAt: monotonic))
        }
        return releases.sorted { $0.agentType < $1.agentType }
    }

    /// What may be let go in the transaction of a batch that is about to be committed: with the places that it frees.
    mutating func releases(with use: [String: Use], at monotonic: Int64) -> [Release] {
        var committed = self
        committed.count(use)
        let releases = committed.releases(all: false, at: monotonic)
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
