public import AgentRuntime
public import JSONTools

/// What asking a starting app for its health led to.
public struct AppHealth: Sendable, Hashable {
    /// Whether the health path answered 2xx or 3xx while the app was running.
    public var isHealthy: Bool
    /// The last status; nil when there was no answer.
    public var status: Int?
    /// From the first question to the good answer.
    public var seconds: Double
    /// Whether the app ended by itself.
    public var hasEnded: Bool
    /// Why it isn't healthy; empty when it is.
    public var problem: String

    /// - Parameters:
    ///   - isHealthy: whether the health path answered well.
    ///   - status: the last status.
    ///   - seconds: from the first question to the good answer.
    ///   - hasEnded: whether the app ended by itself.
    ///   - problem: why it isn't healthy.
    public init(isHealthy: Bool, status: Int?, seconds: Double = 0, hasEnded: Bool = false, problem: String = "") {
        self.isHealthy = isHealthy
        self.status = status
        self.seconds = seconds
        self.hasEnded = hasEnded
        self.problem = problem
    }

    /// For a stage's output.
    public var json: JSONValue {
        var object: JSONObject = [
            "healthy": .bool(isHealthy), "status": status.map { .integer(Int64($0)) } ?? .null,
            "seconds": .number((seconds * 100).rounded() / 100),
        ]
        if !problem.isEmpty { object["problem"] = .string(problem) }
        return .object(object)
    }

    /// Asks until the app is well, has ended, or time is up.
    ///
    /// - Parameters:
    ///   - path: the health path.
    ///   - port: where the app listens on 127.0.0.1.
    ///   - seconds: how long at most.
    ///   - anyAnswer: whether a refusal (4xx) is a sign of health, too: of an app whose health path nobody knows.
    ///   - tools: what asks.
    ///   - isRunning: whether the app is still there.
    /// - Throws: `CancellationError` when the attempt was stopped.
    public static func wait(
        for path: String,
        onPort port: Int,
        seconds: Double,
        anyAnswer: Bool = false,
        tools: Toolbox,
        isRunning: @Sendable () -> Bool
    ) async throws -> AppHealth {
        let start = ContinuousClock.now
        let deadline = start + .seconds(seconds)
        var last = AppHealth(isHealthy: false, status: nil, problem: "\(path) was never asked for")
        while ContinuousClock.now < deadline {
            guard isRunning() else {
                last.hasEnded = true
                last.problem = "it ended before it answered \(path)"
                return last
            }
            let probe = await tools.probe("http://127.0.0.1:\(port)\(path)", timeoutSeconds: 2)
            let answers = anyAnswer && probe.status.map { (400..<500).contains($0) } == true
            if probe.isHealthy || answers, isRunning() {
                let taken = (ContinuousClock.now - start) / .seconds(1)
                return AppHealth(isHealthy: true, status: probe.status, seconds: taken)
            }
            last.status = probe.status
            let answer = probe.status.map { "\(path) answered \($0)" } ?? probe.problem ?? "no answer"
            last.problem = "not healthy within \(Int(seconds)) s: \(answer)"
            try await Task.sleep(for: .milliseconds(100))
        }
        last.seconds = seconds
        return last
    }
}
