public import JSONTools

/// How a test run ended, in numbers.
public struct TestSummary: Sendable, Hashable {
    /// A test that failed, with its reason.
    public struct Failure: Sendable, Hashable {
        /// Name of the test, with its class or file where the report has one.
        public var name: String
        /// The reason, shortened to 500 characters.
        public var message: String

        /// - Parameters:
        ///   - name: name of the test.
        ///   - message: the reason; it is shortened to 500 characters.
        public init(name: String, message: String) {
            self.name = name
            self.message = String(message.prefix(500))
        }
    }

    /// Tests that passed.
    public var passed: Int
    /// Tests that failed or broke.
    public var failed: Int
    /// Tests that did not run.
    public var skipped: Int
    /// How long they took, in seconds; 0 when the report doesn't say.
    public var seconds: Double
    /// What failed; at most 100 are kept.
    public var failures: [Failure]

    /// - Parameters:
    ///   - passed: tests that passed.
    ///   - failed: tests that failed or broke.
    ///   - skipped: tests that did not run.
    ///   - seconds: how long they took.
    ///   - failures: what failed.
    public init(passed: Int, failed: Int, skipped: Int, seconds: Double = 0, failures: [Failure] = []) {
        self.passed = passed
        self.failed = failed
        self.skipped = skipped
        self.seconds = seconds
        self.failures = failures
    }

    /// All of them, run or not.
    public var tests: Int { passed + failed + skipped }

    /// "14 tests" when all passed, otherwise "12 of 14 tests passed" with what was skipped.
    public var sentence: String {
        let noun = tests == 1 ? "test" : "tests"
        if passed == tests { return "\(tests) \(noun)" }
        let rest = skipped == 0 ? "" : ", \(skipped) skipped"
        return "\(passed) of \(tests) \(noun) passed\(rest)"
    }

    /// For a stage's output: the numbers, and the failures if any.
    public var json: JSONObject {
        var object: JSONObject = [
            "tests": .integer(Int64(tests)), "passed": .integer(Int64(passed)), "failed": .integer(Int64(failed)),
            "skipped": .integer(Int64(skipped)), "seconds": .number((seconds * 1000).rounded() / 1000),
        ]
        if !failures.isEmpty {
            object["failures"] = .array(
                failures.prefix(20).map { ["name": .string($0.name), "message": .string($0.message)] })
        }
        return object
    }
}
