import HistoryChecker
import JSONTools
import Synchronization

/// What was done, and what the API promised.
final class ChaosLedger: Sendable {
    /// A workflow that was accepted.
    struct Promise: Sendable {
        var key: String
        var ends: String
        var stages: [String]
        /// What operators did to it, which allows other ends.
        var mayBe: Set<String> = []
    }

    private struct State {
        var faults: [String: Int] = [:]
        var requests: [String: Int] = [:]
        var promises: [UniqueID: Promise] = [:]
        var paused: Set<UniqueID> = []
        /// Keys of the creations that were never answered.
        var unanswered: Set<String> = []
    }

    private let state = Mutex(State())

    /// A fault was brought.
    func brought(_ fault: String) { state.withLock { $0.faults[fault, default: 0] += 1 } }

    /// A creation is asked for under this key; it counts as unanswered until it is accepted.
    func asked(_ key: String) { state.withLock { _ = $0.unanswered.insert(key) } }

    /// The keys of the creations that were asked for and never answered.
    var unanswered: Set<String> { state.withLock { $0.unanswered } }

    /// A request was answered, or not.
    func answered(_ request: String, _ answer: String) {
        state.withLock { $0.requests["\(request): \(answer)", default: 0] += 1 }
    }

    /// A workflow was accepted.
    func accepted(_ id: UniqueID, key: String, ends: String, stages: [String]) {
        state.withLock {
            $0.promises[id] = Promise(key: key, ends: ends, stages: stages)
            $0.unanswered.remove(key)
        }
    }

    /// The names of a workflow's stages.
    func stages(of id: UniqueID) -> [String] { state.withLock { $0.promises[id]?.stages ?? [] } }

    /// An operator intervened, or may have: a workflow may end in these ways as well.
    func intervened(_ id: UniqueID, mayBe phases: Set<String>) {
        state.withLock { $0.promises[id]?.mayBe.formUnion(phases) }
    }

    /// A workflow was, or may have been, paused.
    func paused(_ id: UniqueID) { state.withLock { _ = $0.paused.insert(id) } }

    /// A workflow was resumed.
    func resumed(_ id: UniqueID) { state.withLock { _ = $0.paused.remove(id) } }

    var stillPaused: [UniqueID] { state.withLock { $0.paused.sorted() } }
    var faults: [String: Int] { state.withLock { $0.faults } }
    var requests: [String: Int] { state.withLock { $0.requests } }
    var acceptedCount: Int { state.withLock { $0.promises.count } }

    /// One of the workflows that were accepted, most often one of the last.
    func someone(_ dice: inout some RandomNumberGenerator) -> UniqueID? {
        let reach = [20, 20, 100, 1000].randomElement(using: &dice) ?? 20
        return state.withLock { $0.promises.keys.sorted().suffix(reach) }.randomElement(using: &dice)
    }

    /// What was promised, in the words of the checker.
    var creations: [History.Creation] {
        state.withLock { state in
            state.promises.map { id, promise in
                History.Creation(
                    workflowID: id, idempotencyKey: promise.key, expectedPhases: promise.mayBe.union([promise.ends]))
            }
        }
    }
}
