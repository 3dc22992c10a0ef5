import JSONTools
import WorkflowCore
import WorkflowStorage

/// What never changes once recorded, kept near: definitions by content hash, facts by workflow. A value; the
/// ``AdvancerCore`` owns it.
public struct RecordCache: Sendable {
    /// Most workflows whose facts are kept; the oldest go first.
    static let factsLimit = 20_000

    private var definitions: [String: WorkflowDefinition] = [:]
    private var facts: [UniqueID: WorkflowFacts] = [:]
    private var order: [UniqueID] = []
    private var oldest = 0

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
