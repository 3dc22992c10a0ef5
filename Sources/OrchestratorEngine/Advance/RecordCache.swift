import JSONTools
import WorkflowCore
import WorkflowStorage

/// What was read or written, kept near: definitions by content hash, facts by workflow, and, by the version of its row,
/// the state of workflows that were lately written here. A value; the ``AdvancerCore`` owns it.
public struct RecordCache: Sendable {
    /// Most workflows whose facts are kept; the oldest go first.
    static let factsLimit = 20_000
    /// Most workflows whose state is kept, some thousand bytes each; the oldest go first.
    static let statesLimit = 2048

    private var definitions: [String: WorkflowDefinition] = [:]
    private var facts: [UniqueID: WorkflowFacts] = [:]
    private var order: [UniqueID] = []
    private var oldest = 0
    private var states: [UniqueID: KnownState] = [:]
    private var stateOrder: [UniqueID] = []
    private var oldestState = 0

    /// An empty cache.
    public init() {}

    /// Those of `ids` whose facts have to be loaded.
    func unknownFacts(among ids: [UniqueID]) -> [UniqueID] {
        ids.filter { facts[$0] == nil }
    }

    /// Keeps facts that were loaded.
    mutating func remember(_ loaded: [WorkflowFacts]) {
        guard !loaded.isEmpty else { return }
        for fact in loaded where facts.updateValue(fact, forKey: fact.id) == nil {
            order.append(fact.id)
        }
    }

    /// Lets the oldest facts go that are beyond the limit: between two batches, as the one at hand needs its own.
    mutating func trim() {
        while facts.count > Self.factsLimit, oldest < order.count {
            facts[order[oldest]] = nil
            oldest += 1
        }
        if oldest > Self.factsLimit {
            order.removeFirst(oldest)
            oldest = 0
        }
    }

    /// Keeps states that are in the record now.
    mutating func remember(_ written: [KnownState]) {
        for known in written {
            if known.state.phase.isTerminal || !known.state.isStoredWhole {
                states[known.id] = nil
            } else if states.updateValue(known, forKey: known.id) == nil {
                stateOrder.append(known.id)
            }
        }
        // One that ended meanwhile stands in the order still, and one that began anew twice.
        while stateOrder.count - oldestState > Self.statesLimit {
            states[stateOrder[oldestState]] = nil
            oldestState += 1
        }
        if oldestState > Self.statesLimit {
            stateOrder.removeFirst(oldestState)
            oldestState = 0
        }
    }

    /// Trusts nothing that may have changed: the record may be another one.
    mutating func forgetStates() {
        states = [:]
        stateOrder = []
        oldestState = 0
    }

    /// The state of a workflow, if it was written here and its row has not been written since.
    func state(of id: UniqueID, version: Int64) -> WorkflowState? {
        guard let known = states[id], known.version == version else { return nil }
        return known.state
    }

    /// Facts of a workflow, if known.
    func facts(of id: UniqueID) -> WorkflowFacts? {
        facts[id]
    }

    /// A definition by the SHA-256 of its canonical JSON, if known.
    func definition(hash: String) -> WorkflowDefinition? {
        definitions[hash]
    }

    /// Keeps a definition that was fetched.
    ///
    /// - Throws: `BatchError.refused` if the record has none under that hash, or it can't be read.
    mutating func learn(hash: String, blob: [UInt8]?) throws(BatchError) {
        guard let blob else {
            throw .refused("no definition with content hash \(hash) is in the record")
        }
        do {
            definitions[hash] = try WorkflowDefinition(canonicalJSON: JSONValue(parsing: blob))
        } catch {
            throw .refused("the definition with content hash \(hash) can't be read: \(error)")
        }
    }
}

/// A workflow's state as the record has it.
struct KnownState: Sendable {
    var id: UniqueID
    /// Version of the row.
    var version: Int64
    var state: WorkflowState
}
