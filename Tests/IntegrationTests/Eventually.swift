import Testing

/// Waits for a condition that other processes bring about; the test ends if it doesn't come.
///
/// - Parameters:
///   - limit: how long to wait.
///   - what: what is waited for.
///   - condition: whether it holds.
///   - explain: what holds instead, for the message.
func eventually(
    within limit: Duration,
    _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool,
    explain: () async throws -> String = { "" }
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        if ContinuousClock.now >= deadline {
            let state = try await explain()
            try #require(Bool(false), "not within \(limit): \(what) \(state)", sourceLocation: sourceLocation)
        }
        try await Task.sleep(for: .milliseconds(50))
    }
}
