import JSONTools
public import WorkflowCore

/// How often the watchdog found what, since this orchestrator started. A value; counted when a finding is committed.
public struct FindingCounters: Sendable, Hashable {
    private var counts: [WatchdogFinding: Int] = [:]

    /// Nothing found.
    public init() {}

    /// How often a finding was committed.
    public subscript(finding: WatchdogFinding) -> Int {
        counts[finding] ?? 0
    }

    /// All findings in the order of their declaration, those that never came up included.
    public var all: [(finding: WatchdogFinding, count: Int)] {
        WatchdogFinding.allCases.map { ($0, self[$0]) }
    }

    /// Adds what was counted elsewhere.
    mutating func add(_ other: FindingCounters) {
        counts.merge(other.counts) { $0 + $1 }
    }

    /// Counts the findings among committed rows of the trail.
    ///
    /// - Returns: whether there were any.
    mutating func count(_ events: [BatchEffects.Published]) -> Bool {
        var hasAny = false
        for event in events where event.record.kind == .watchdogFinding {
            guard let finding = event.record.data["finding"]?.stringValue.flatMap(WatchdogFinding.init) else {
                continue
            }
            counts[finding, default: 0] += 1
            hasAny = true
        }
        return hasAny
    }
}
