import JSONTools
import Synchronization
import WorkflowCore
import WorkflowStorage

/// What never changes once recorded, kept near: definitions by content hash, facts by workflow.
public final class RecordCache: Sendable {
    /// Most workflows whose facts are kept; the oldest go first.
    static let factsLimit = 20_000

    private struct State {
        var definitions: [String: WorkflowDefinition] = [:]
        var facts: [UniqueID: WorkflowFacts] = [:]
        var order: [UniqueID] = []
        var oldest = 0
    }

    private let state = Mutex(State())

    /// An empty cache.
    public init() {}

    /// Those of `ids` whose facts have to be loaded.
    func unknownFacts(among ids: [UniqueID]) -> [UniqueID] {
        state.withLock { state in ids.filter { state.facts[$0] == nil } }
    }

    /// Keeps facts that were loaded or made.
    func remember(_ facts: [WorkflowFacts]) {
        guard !facts.isEmpty else { return }
        state.withLock { state in
            for fact in facts where state.facts.updateValue(fact, forKey: fact.id) == nil {
                state.order.append(fact.id)
            }
            while state.facts.count > Self.factsLimit, state.oldest < state.order.count {
                state.facts[state.order[state.oldest]] = nil
                state.oldest += 1
            }
            if state.oldest > Self.factsLimit {
                state.order.removeFirst(state.oldest)
                state.oldest = 0
            }
        }
    }

    /// Facts of a workflow, if known.
    func facts(of id: UniqueID) -> WorkflowFacts? {
        state.withLock { $0.facts[id] }
    }

    /// A definition, from memory or the record.
    func definition(hash: String, from session: any BatchSession) async throws(BatchError) -> WorkflowDefinition {
        if let known = state.withLock({ $0.definitions[hash] }) { return known }
        guard let blob = try await session.definitionBlob(hash: hash) else {
            throw .refused("no definition with content hash \(hash) is in the record")
        }
        let definition: WorkflowDefinition
        do {
            definition = try WorkflowDefinition(canonicalJSON: JSONValue(parsing: blob))
        } catch {
            throw .refused("the definition with content hash \(hash) can't be read: \(error)")
        }
        state.withLock { $0.definitions[hash] = definition }
        return definition
    }
}
