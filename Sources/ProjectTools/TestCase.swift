/// One test of a report.
public struct TestCase: Sendable, Hashable {
    /// How a test ended.
    public enum Outcome: Sendable, Hashable {
        case passed
        /// It failed or broke, for this reason.
        case failed(String)
        /// It did not run.
        case skipped
    }

    /// Name of the test, with its class or file where the report has one.
    public var name: String
    /// How it ended.
    public var outcome: Outcome
    /// How long it took, in seconds; 0 when the report doesn't say.
    public var seconds: Double

    /// - Parameters:
    ///   - name: name of the test.
    ///   - outcome: how it ended.
    ///   - seconds: how long it took.
    public init(name: String, outcome: Outcome, seconds: Double) {
        self.name = name
        self.outcome = outcome
        self.seconds = seconds
    }
}

extension TestSummary {
    /// Most failures that are kept with their reasons.
    static let maxFailures = 100

    /// Counts the tests of a report.
    public init(_ cases: some Sequence<TestCase>) {
        self.init(passed: 0, failed: 0, skipped: 0)
        for test in cases {
            seconds += test.seconds
            switch test.outcome {
            case .passed:
                passed += 1
            case .failed(let reason):
                failed += 1
                if failures.count < Self.maxFailures { failures.append(Failure(name: test.name, message: reason)) }
            case .skipped:
                skipped += 1
            }
        }
    }
}
