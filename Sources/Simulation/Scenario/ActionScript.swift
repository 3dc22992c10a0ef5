import JSONTools
import WorkflowCore

/// What an action does in an attempt; drawn by the names of seed, workflow, stage, generation and attempt alone, so that
/// it stays the same when anything else of a scenario is left out.
struct ActionScript: Sendable, Hashable {
    enum Ending: Sendable, Hashable {
        case success
        case failure(isRetryable: Bool)
        case partial
        case questions
        /// Runs on until it is stopped.
        case hang
        /// Runs on though it was stopped, for a while.
        case stubborn
        /// Kills its agent.
        case poison
        /// Succeeds with an output that the record refuses.
        case unstorable
        /// Asks for a grant halfway, then does what can't be undone.
        case exclusive
    }

    var ending: Ending
    var milliseconds: Int64
    /// What it returns as `n`.
    var number: Int64

    /// What the record refuses.
    static let unstorable = "unstorable"

    init(
        seed: UInt64, workflow: String, stage: String, generation: Int, attempt: Int, isAnswered: Bool,
        isSlow: Bool = false
    ) {
        var hash = seed &* 0x0000_0100_0000_01B3 ^ 0xCBF2_9CE4_8422_2325
        for byte in "\(workflow)/\(stage)/\(generation)/\(attempt)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        var entropy = EntropySource(seed: hash)
        number = Int64.random(in: 0...100, using: &entropy)
        switch entropy.nextUnit() {
        case ..<0.6: milliseconds = Int64.random(in: 1...200, using: &entropy)
        case ..<0.9: milliseconds = Int64.random(in: 200...6000, using: &entropy)
        default: milliseconds = Int64.random(in: 6000...28_000, using: &entropy)
        }
        if isSlow { milliseconds = max(milliseconds, Int64.random(in: 4000...28_000, using: &entropy)) }
        switch entropy.nextUnit() {
        case ..<0.42: ending = .success
        case ..<0.72: ending = isSlow ? .exclusive : .success
        case ..<0.80: ending = .failure(isRetryable: true)
        case ..<0.82: ending = .failure(isRetryable: false)
        case ..<0.85: ending = .partial
        case ..<0.89: ending = isAnswered ? .success : .questions
        case ..<0.91: ending = .hang
        case ..<0.92: ending = .stubborn
        case ..<0.94: ending = .poison
        case ..<0.95: ending = .unstorable
        default: ending = .exclusive
        }
    }
}
