import JSONTools

/// What one look at a release found.
enum TargetSight: Sendable, Hashable {
    /// It runs and is well, by the tool's own word.
    case healthy(String)
    /// It may still become so; how far it is.
    case starting(String)
    /// It won't.
    case failed(String)
    /// Nothing of it runs.
    case absent(String)

    var isHealthy: Bool {
        switch self {
        case .healthy: true
        case .starting, .failed, .absent: false
        }
    }

    /// In the tool's words.
    var detail: String {
        switch self {
        case .healthy(let text), .starting(let text), .failed(let text), .absent(let text): text
        }
    }
}

/// A place that releases are brought to by a command-line tool.
///
/// ``TargetDeployer`` calls ``check()`` and ``prepare(_:)``, which change nothing that serves; then, with the grant,
/// ``apply(_:)``, ``look(at:within:)`` until it is healthy, and ``goBack(to:from:)`` when it isn't. Each can be repeated:
/// an attempt may die at any place, and the next one begins again.
protocol ReleaseTarget: Sendable {
    /// Finds the tools and whether what they speak to answers.
    ///
    /// - Returns: Versions by name of the tool.
    /// - Throws: ``ActionFailure`` `TOOL_MISSING`, `TARGET_UNREACHABLE`.
    func check() async throws -> JSONObject

    /// Builds and pushes what is to run.
    ///
    /// - Returns: The release with its image.
    func prepare(_ unit: TargetUnit) async throws -> TargetUnit

    /// State of what serves now, of whomever it is; nil when nothing does.
    func present() async throws -> JSONObject?

    /// Puts a release in the place of what serves; what serves is kept to go back to.
    ///
    /// - Returns: The release with its state.
    func apply(_ unit: TargetUnit) async throws -> TargetUnit

    /// Looks whether what was applied is well.
    ///
    /// - Parameter seconds: how long to wait for it where the tool can wait; 0 for a plain look at what has served for
    ///   long, where a restart in the past is no fault.
    func look(at state: JSONObject, within seconds: Double) async throws -> TargetSight

    /// Where the app answers; nil if that can't be known.
    func address(of state: JSONObject) async throws -> String?

    /// Brings back what served before.
    ///
    /// - Parameters:
    ///   - state: what to go back to.
    ///   - unit: the release that didn't become healthy; nil when people ask.
    /// - Returns: The state afterwards.
    func goBack(to state: JSONObject, from unit: TargetUnit?) async throws -> JSONObject

    /// Ends a release that didn't become healthy, when there is nothing to go back to.
    func abandon(_ unit: TargetUnit) async throws

    /// Ends what serves, in a way that ``goBack(to:from:)`` can undo.
    func stop(_ state: JSONObject) async throws

    /// Deletes what no kept release needs; what can't be deleted is logged.
    func prune(keeping units: [TargetUnit]) async
}
