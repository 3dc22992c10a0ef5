import JSONTools
import WorkflowStorage

/// Up to which event each workflow has been read, for as many workflows as memory may hold.
///
/// Those that changed last are known for certain. One that was forgotten is read from a moment on at which all forgotten
/// ones had been read; some of its events may come twice then, and none is missed.
struct SeenEvents {
    /// Most workflows of a generation; two are kept.
    let capacity: Int
    /// Clocks and commits of orchestrators lie at most so far apart.
    static let overlap: Swift.Duration = .seconds(5)

    private var recent: [UniqueID: Int64] = [:]
    private var older: [UniqueID: Int64] = [:]
    /// What happened before is of no interest.
    private(set) var beginning: Timestamp
    /// When the last generation began.
    private var generationBegan: Timestamp

    init(since beginning: Timestamp, capacity: Int = 50_000) {
        self.beginning = beginning
        self.capacity = capacity
        generationBegan = beginning
    }

    /// The last event of a workflow that was read; nil if none is known to have been.
    func last(of id: UniqueID) -> Int64? { recent[id] ?? older[id] }

    /// Where reading a workflow goes on.
    func place(of id: UniqueID) -> EventPlace {
        if let last = last(of: id) { return EventPlace(workflowID: id, after: last, since: .distantPast) }
        return EventPlace(workflowID: id, after: 0, since: beginning - Self.overlap)
    }

    /// Notes that an event was read.
    mutating func note(_ id: UniqueID, _ sequence: Int64, at moment: Timestamp) {
        if recent[id] == nil, recent.count >= capacity {
            // All in `older` were last read before this generation began.
            if !older.isEmpty { beginning = max(beginning, generationBegan) }
            older = recent
            recent = [:]
            generationBegan = moment
        }
        recent[id] = max(sequence, recent[id] ?? 0)
    }
}

extension Timestamp {
    /// Before anything that happened.
    static let distantPast = Timestamp(microseconds: 0)
}
