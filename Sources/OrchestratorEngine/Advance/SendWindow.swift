package import WorkflowStorage

/// How many tasks of each agent type may be on the road, as a value: what is beyond waits in the record, where it can be
/// let go fairly and nothing of it is lost with Redis.
///
/// A window is never smaller than what the agents of the type do in ``paceSpan`` at their present pace: short tasks would
/// otherwise be queued and let go one after the other, at the cost of a further write each, though none of them waits for
/// an agent.
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
    /// A pace makes no window larger than so many times what was closed at it: a few short tasks among long ones tell little.
    static let growth = 4
    /// No pace is measured over a shorter time, in milliseconds.
    static let shortestMeasure: Int64 = 50

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

    /// How fast tasks are closed while any are on the road.
    private struct Pace: Sendable {
        private var since: Int64 = 0
        private var closed = 0
        private var lastClosing: Int64 = 0
        /// What an earlier measure allowed, and until when that counts.
        private var before = (window: 0, until: Int64.min)

        /// Notes closings. A measure that has lasted long enough is followed by a new one.
        mutating func note(_ count: Int, at monotonic: Int64) {
            closed += count
            lastClosing = monotonic
            if monotonic - since >= SendWindow.paceSpan { begin(at: monotonic) }
        }

        /// Notes that the first task goes on an empty road: the time in which nothing was to be done doesn't count.
        mutating func resume(at monotonic: Int64) {
            if monotonic - lastClosing >= SendWindow.shortestMeasure { begin(at: monotonic) }
        }

        private mutating func begin(at monotonic: Int64) {
            let allowed = allowed(at: monotonic)
            if allowed > before.window || monotonic >= before.until {
                before = (allowed, monotonic + SendWindow.paceSpan)
            }
            (since, closed) = (monotonic, 0)
        }

        private func allowed(at monotonic: Int64) -> Int {
            let elapsed = max(SendWindow.shortestMeasure, monotonic - since)
            return min(
                SendWindow.growth * closed, closed * Int(SendWindow.paceSpan) / Int(elapsed), SendWindow.largestByPace)
        }

        /// How much the pace allows to be on the road, in tasks.
        func window(at monotonic: Int64) -> Int {
            max(allowed(at: monotonic), monotonic < before.until ? before.window : 0)
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

        mutating func note(closed: Int, sent: Int, at monotonic: Int64) {
            if inFlight == 0, sent > 0 { pace.resume(at: monotonic) }
            if closed > 0 { pace.note(closed, at: monotonic) }
            inFlight = max(0, inFlight + sent - closed)
        }

        mutating func letGo(_ count: Int) {
            turn += count
            inFlight += count
            queued = max(0, queued - count)
            queuedSince = min(queuedSince, queued)
        }

        func window(at monotonic: Int64) -> Int { max(bySlots, pace.window(at: monotonic)) }
        func room(at monotonic: Int64) -> Int { window(at: monotonic) - inFlight }
    }

    /// What a batch does, to be counted once it is committed.
    struct Use: Sendable, Hashable {
        /// Attempts that it records.
        var new = 0
        /// How many of them are sent; the others are queued.
        var sent = 0
        /// Attempts that were sent and that it closes.
        var closed = 0
    }

    /// The time, in milliseconds of a monotonic clock: whoever uses the windows keeps it.
    package var monotonic: Int64 = 0
    private var lanes: [String: Lane] = [:]

    /// Whether nothing is under way, as far as is known.
    var isIdle: Bool { lanes.values.allSatisfy { $0.inFlight == 0 && $0.queued == 0 } }

    /// Windows of which nothing is known yet.
    package init() {}

    /// Decides about the new tasks of a batch, once all that it does is known, and what it lets go in its transaction.
    ///
    /// There is room for what the batch closes itself. What waits goes first, as many as are let go at once; what room is
    /// left then is for what is new. While places are few and not all finds one, both wait for more of them.
    ///
    /// - Parameters:
    ///   - use: what the batch does; gets how much of it is sent.
    ///   - mayRelease: whether anything may be let go.
    /// - Returns: what is let go. Each release has to be answered by ``released(_:got:)``.
    mutating func decide(_ use: inout [String: Use], mayRelease: Bool) -> [Release] {
        guard !use.isEmpty else { return [] }
        var releases: [Release] = []
        for agentType in Set(use.keys).union(lanes.keys).sorted() {
            let used = use[agentType] ?? Use()
            var lane = lanes[agentType] ?? Lane()
            lane.note(closed: used.closed, sent: 0, at: monotonic)
            let room = max(0, lane.room(at: monotonic))
            guard lane.queued > 0 else {
                if used.new > 0 { use[agentType]?.sent = min(used.new, room) }
                continue
            }
            let isEnough = room >= max(1, lane.window(at: monotonic) / Self.slack) || lane.queued + used.new <= room
            guard mayRelease, !lane.isReleasing, isEnough else { continue }
            let sent = min(used.new, room - min(lane.queued, room, Self.releaseLimit))
            if sent > 0 { use[agentType]?.sent = sent }
            // More may wait than is known here, if another orchestrator has queued it.
            let count = min(room - sent, Self.releaseLimit)
            lanes[agentType]?.isReleasing = true
            releases.append(Release(agentType: agentType, count: count, turn: lane.turn, askedAt: monotonic))
        }
        return releases
    }

    /// Counts what a committed batch did.
    mutating func count(_ use: [String: Use]) {
        for (agentType, used) in use {
            var lane = lanes[agentType] ?? Lane()
            lane.note(closed: used.closed, sent: used.sent, at: monotonic)
            lane.queued += used.new - used.sent
            lane.queuedSince += used.new - used.sent
            lanes[agentType] = lane
        }
    }

    /// Counts what others who share the windows did.
    mutating func hear(_ news: SendNews) {
        count(news.use)
        for (agentType, count) in news.released { lanes[agentType]?.letGo(count) }
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

    /// Notes how many tasks were let go; nil if the record could not be asked.
    package mutating func released(_ agentType: String, got: Int?) {
        guard var lane = lanes[agentType] else { return }
        lane.isReleasing = false
        if let got {
            // Fewer than asked for may mean that another orchestrator holds some; none at all, that none is left.
            if got == 0 { lane.queued = 0 }
            lane.letGo(got)
        }
        lanes[agentType] = lane
    }
}
