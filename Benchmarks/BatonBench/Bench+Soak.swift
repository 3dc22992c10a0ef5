import JSONTools

extension Bench {
    /// How long the API takes to answer, in milliseconds: the median of so many requests, after two that don't count.
    ///
    /// - Parameter path: `{next}` stands for a cursor ten pages down, `{id}` for a finished workflow.
    func answerTime(_ path: String, count: Int) async throws -> Double {
        var path = path
        if path.contains("{next}") { path = path.replacing("{next}", with: try cursor(pages: 10)) }
        if path.contains("{id}") { path = path.replacing("{id}", with: try await record.someWorkflow()) }
        var connection = try creator.connect()
        var times: [Double] = []
        for number in 0..<(count + 2) {
            let begun = wallClock()
            let (status, body) = try connection.get(path)
            guard status == 200 else {
                throw BenchError("GET \(path) was answered with \(status): \(String(decoding: body, as: UTF8.self))")
            }
            if number >= 2 { times.append((wallClock() - begun) * 1e3) }
        }
        return median(times)
    }

    private func cursor(pages: Int) throws -> String {
        var connection = try creator.connect()
        var path = "/api/v1/workflows?limit=50"
        var next = ""
        for _ in 0..<pages {
            let (_, body) = try connection.get(path)
            guard let cursor = try JSONValue(parsing: body)["next_cursor"]?.stringValue else {
                throw BenchError("the list has fewer than \(pages) pages")
            }
            next = cursor
            path = "/api/v1/workflows?limit=50&cursor=\(next)"
        }
        return next
    }

    /// Transitions a second of many workflows at once, and from stage to stage of one at a time.
    func soakRun() async throws -> (transitionsPerSecond: Double, handOver: Double) {
        let burst = try await burst(isHeld: true)
        let idle = try await idle()
        return (burst.transitionsPerSecond, idle.handOver.p50)
    }
}
