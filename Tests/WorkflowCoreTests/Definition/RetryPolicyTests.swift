import Testing
import WorkflowCore

@Suite struct RetryPolicyTests {
    @Test(
        "The backoff grows by the factor up to the maximum",
        arguments: [(1, 1000), (2, 2000), (3, 4000), (6, 32_000), (7, 60_000), (8, 60_000), (1_000_000_000, 60_000)])
    func growth(attempt: Int, milliseconds: Int) {
        let policy = RetryPolicy(jitter: .none)
        #expect(policy.delay(afterAttempt: attempt, randomUnit: 0.3) == .milliseconds(milliseconds))
    }

    @Test("Full jitter takes the random part of the whole backoff")
    func jitter() {
        let policy = RetryPolicy(initial: .seconds(8), max: .seconds(8))
        #expect(policy.delay(afterAttempt: 1, randomUnit: 0) == .zero)
        #expect(policy.delay(afterAttempt: 1, randomUnit: 0.25) == .seconds(2))
        #expect(policy.delay(afterAttempt: 1, randomUnit: 7) == .seconds(8))
        #expect(policy.delay(afterAttempt: 1, randomUnit: -1) == .zero)
        #expect(policy.delay(afterAttempt: 1, randomUnit: .nan) == .seconds(8))
    }

    @Test("Odd policies give a delay from zero to the maximum")
    func oddPolicies() {
        let policies = [
            RetryPolicy(initial: .zero, jitter: .none), RetryPolicy(initial: .seconds(-5), jitter: .none),
            RetryPolicy(initial: .seconds(90), max: .seconds(10), jitter: .none),
            RetryPolicy(factor: .infinity, jitter: .none), RetryPolicy(factor: 0, jitter: .none),
            RetryPolicy(max: .zero, jitter: .none),
        ]
        let delays = policies.map { $0.delay(afterAttempt: 3, randomUnit: 0.5) }
        #expect(delays == [.zero, .zero, .seconds(10), .seconds(1), .seconds(1), .zero])
        #expect(RetryPolicy(jitter: .none).delay(afterAttempt: -4, randomUnit: 0) == .seconds(1))
    }
}
