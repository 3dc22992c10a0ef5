import Testing

/// By how much a test waits longer than the bound it names, for machines that are busy with other things.
let patience = 3

/// Waits for a condition that other processes bring about; the test ends if it doesn't come.
///
/// - Parameters:
///   - limit: the bound of the design. A test waits ``patience`` times as long: it asks whether, the benchmarks ask how fast.
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
    let deadline = ContinuousClock.now + limit * patience
    while try await !condition() {
        if ContinuousClock.now >= deadline {
            let state = try await explain()
            try #require(
                Bool(false), "not within \(limit * patience): \(what) \(state)", sourceLocation: sourceLocation)
        }
        try await Task.sleep(for: .milliseconds(50))
    }
}
