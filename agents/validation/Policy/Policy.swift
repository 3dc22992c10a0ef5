import JSONTools

/// What the measurements of a project have to be.
struct Policy: Sendable, Hashable {
    enum Comparison: String, Sendable, Hashable, CaseIterable {
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case atMost = "<="
        case more = ">"
        case atLeast = ">="

        func holds(_ value: Double, _ threshold: Double) -> Bool {
            switch self {
            case .equal: value == threshold
            case .notEqual: value != threshold
            case .less: value < threshold
            case .atMost: value <= threshold
            case .more: value > threshold
            case .atLeast: value >= threshold
            }
        }
    }

    enum Level: String, Sendable, Hashable, CaseIterable {
        /// A rule that doesn't hold fails the stage.
        case blocking
        /// A rule that doesn't hold is a warning.
        case warn
    }

    struct Rule: Sendable, Hashable {
        var metric: Metric
        var comparison: Comparison
        var threshold: Double
        var level: Level
        /// Whether the rule is left out when nothing was measured; otherwise it then doesn't hold.
        var onlyIfMeasured = false
        /// The files that the rule is about; nil for all.
        var path: PathPattern?

        /// `at least 80 %`, for people.
        var wanted: String {
            let value = metric.shown(threshold)
            return switch comparison {
            case .equal: "wanted: \(value)"
            case .notEqual: "wanted: not \(value)"
            case .less: "wanted: under \(value)"
            case .atMost: "wanted: at most \(value)"
            case .more: "wanted: over \(value)"
            case .atLeast: "wanted: at least \(value)"
            }
        }

        /// `line_coverage >= 80 %`.
        var text: String { "\(name) \(comparison.rawValue) \(metric.shown(threshold))" }

        /// The metric, with the files that it is about.
        var name: String { path.map { "\(metric.rawValue) of \($0)" } ?? metric.rawValue }
    }

    var rules: [Rule]
    /// The file that the rules are from; nil for those that hold without one.
    var file: String?

    /// What holds for a project without a policy of its own.
    static let standard = Policy(rules: [
        Rule(metric: .syntaxErrors, comparison: .equal, threshold: 0, level: .blocking),
        Rule(metric: .testsTotal, comparison: .atLeast, threshold: 1, level: .blocking),
        Rule(metric: .testsFailed, comparison: .equal, threshold: 0, level: .blocking),
        Rule(metric: .lineCoverage, comparison: .atLeast, threshold: 80, level: .blocking, onlyIfMeasured: true),
        Rule(metric: .secretsFound, comparison: .equal, threshold: 0, level: .blocking),
        Rule(metric: .licenceProblems, comparison: .equal, threshold: 0, level: .blocking, onlyIfMeasured: true),
        Rule(metric: .vulnerabilities, comparison: .equal, threshold: 0, level: .warn, onlyIfMeasured: true),
        Rule(metric: .maxComplexity, comparison: .atMost, threshold: 30, level: .warn, onlyIfMeasured: true),
        Rule(metric: .duplicatedLines, comparison: .atMost, threshold: 10, level: .warn, onlyIfMeasured: true),
    ])
}

/// How a rule came out.
struct RuleVerdict: Sendable, Hashable {
    enum Outcome: String, Sendable, Hashable {
        case holds, violated
        /// Nothing was measured, and that is a violation.
        case withoutData = "no_data"
        /// Nothing was measured, and that is allowed.
        case notMeasured = "not_measured"
    }

    var rule: Policy.Rule
    var value: Double?
    var outcome: Outcome

    /// Whether the stage fails for it.
    var isBlocking: Bool {
        switch outcome {
        case .violated, .withoutData: rule.level == .blocking
        case .holds, .notMeasured: false
        }
    }

    /// `line_coverage is 61 %, but has to be >= 80 %`.
    var sentence: String {
        let wanted = "\(rule.comparison.rawValue) \(rule.metric.shown(rule.threshold))"
        return switch outcome {
        case .holds: "\(rule.name) is \(rule.metric.shown(value ?? 0)), as it has to be (\(wanted))"
        case .violated: "\(rule.name) is \(rule.metric.shown(value ?? 0)), but has to be \(wanted)"
        case .withoutData: "\(rule.name) was not measured, but has to be \(wanted)"
        case .notMeasured: "\(rule.name) was not measured"
        }
    }

    var json: JSONValue {
        [
            "metric": .string(rule.metric.rawValue), "path": rule.path.map { .string($0.description) } ?? nil,
            "operator": .string(rule.comparison.rawValue),
            "threshold": JSONValue(measured: rule.threshold), "level": .string(rule.level.rawValue),
            "value": value.map { JSONValue(measured: $0) } ?? nil, "outcome": .string(outcome.rawValue),
        ]
    }
}

extension Policy {
    /// Judges measurements, rule by rule.
    ///
    /// - Parameter measure: the value of a metric for the files that match; nil when nothing was measured.
    func judge(_ measure: (Metric, PathPattern?) -> Double?) -> [RuleVerdict] {
        rules.map { rule in
            guard let value = measure(rule.metric, rule.path) else {
                return RuleVerdict(rule: rule, outcome: rule.onlyIfMeasured ? .notMeasured : .withoutData)
            }
            let holds = rule.comparison.holds(value, rule.threshold)
            return RuleVerdict(rule: rule, value: value, outcome: holds ? .holds : .violated)
        }
    }

    /// Judges measurements of the whole project.
    func judge(_ metrics: [Metric: Double]) -> [RuleVerdict] { judge { metric, _ in metrics[metric] } }
}

extension JSONValue {
    /// A measurement: a whole number is written as one, others with at most two digits after the point, rounded down.
    init(measured value: Double) {
        if let whole = Int64(exactly: value) {
            self = .integer(whole)
        } else {
            self = .number((value * 100).rounded(.down) / 100)
        }
    }
}
