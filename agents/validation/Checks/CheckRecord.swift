import JSONTools

/// What came of one check.
struct CheckRecord: Sendable, Hashable {
    enum Status: Sendable, Hashable {
        case passed
        /// It ran and found something.
        case failed
        /// It could not do its work: a tool crashed, ran out of time or left no report. Nothing excuses it.
        case broken
        /// It did not run, for this reason; `help` says how to make it run.
        case skipped(reason: String, help: String?)

        /// How people and programs see it: passed, failed or skipped.
        var name: String {
            switch self {
            case .passed: "passed"
            case .failed, .broken: "failed"
            case .skipped: "skipped"
            }
        }
    }

    /// `install`, `syntax`, `lint`, `tests`, `coverage`, `secrets`.
    var name: String
    var status: Status
    /// Whether the stage fails when it is skipped.
    var isRequired: Bool
    var findings: [Finding] = []
    /// What it measured.
    var metrics: [Metric: Double] = [:]
    /// One fact, such as "14 tests".
    var fact: String = ""
    var seconds: Double = 0

    /// The metric that a policy judges this check by; without a rule on it, the check itself decides.
    var decidingMetric: Metric?
}

extension CheckRecord {
    /// - Parameter maxFindings: so many findings are listed; all are counted.
    func json(maxFindings: Int) -> JSONObject {
        var object: JSONObject = [
            "name": .string(name), "status": .string(status.name), "required": .bool(isRequired), "fact": .string(fact),
            "duration_ms": .integer(Int64((seconds * 1000).rounded())),
            "findings_total": .integer(Int64(findings.count)),
            "findings": .array(findings.prefix(maxFindings).map(\.json)),
        ]
        if case .skipped(let reason, let help) = status {
            object["reason"] = .string(reason)
            if let help { object["help"] = .string(help) }
        }
        return object
    }
}
