import Foundation
import FoundationNetworking
package import JSONTools

/// The few requests of the REST API that the tests make.
package struct WorkflowClient: Sendable {
    /// What the API answered.
    package struct Answer: Sendable {
        package var status: Int
        package var body: JSONValue
        /// What `Retry-After` says, in seconds.
        package var retryAfter: Int?
    }

    /// An answer that wasn't expected.
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    /// Where the API is; of several orchestrators each.
    package let urls: [String]
    package let token: String
    /// Whether each workflow is created by an orchestrator of its own choice rather than by the first.
    package var spreads = false
    private let session: URLSession
    private let patience: Double

    /// A client of the API at these URLs.
    ///
    /// - Parameter patience: for how many seconds it waits for an answer.
    package init(urls: [String], token: String, patience: Double = 10) {
        self.urls = urls
        self.token = token
        self.patience = patience
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 2000
        configuration.timeoutIntervalForRequest = patience
        session = URLSession(configuration: configuration)
    }

    /// A client of the API at `url`.
    package init(url: String, token: String) { self.init(urls: [url], token: token) }

    /// Makes one request.
    ///
    /// - Parameter orchestrator: which of the orchestrators is asked.
    package func send(
        _ method: String, _ path: String, _ body: JSONValue? = nil, to orchestrator: Int = 0
    ) async throws -> Answer {
        try await send(method, path, raw: body?.encoded(), to: orchestrator)
    }

    /// Makes one request with any body.
    package func send(
        _ method: String, _ path: String, raw body: [UInt8]?, to orchestrator: Int = 0
    ) async throws -> Answer {
        guard let address = URL(string: urls[orchestrator % urls.count] + path) else {
            throw Refusal(description: "\(path) is no path")
        }
        var request = URLRequest(url: address, timeoutInterval: patience)
        request.httpMethod = method
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        if let body {
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
            request.httpBody = Data(body)
        }
        let (data, response) = try await session.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw Refusal(description: "no HTTP answer") }
        return Answer(
            status: response.statusCode, body: data.isEmpty ? .null : try JSONValue(parsing: Array(data)),
            retryAfter: response.value(forHTTPHeaderField: "Retry-After").flatMap { Int($0) })
    }

    /// Creates a workflow, as a careful client does: the same key again until there is an answer.
    ///
    /// - Returns: its id.
    package func create(
        _ type: String, _ name: String, _ input: JSONObject = [:], within limit: Duration = .seconds(30)
    ) async throws -> UniqueID {
        let body: JSONValue = [
            "type": .string(type), "name": .string(name), "input_data": .object(input),
            "idempotency_key": .string(UUID().uuidString),
        ]
        let deadline = ContinuousClock.now + limit
        var orchestrator = spreads ? Int.random(in: urls.indices) : 0
        while true {
            let answer: Answer
            do {
                answer = try await send("POST", "/api/v1/workflows", body, to: orchestrator)
            } catch let error as URLError where ContinuousClock.now < deadline {
                _ = error
                orchestrator += 1
                try await Task.sleep(for: .milliseconds(100))
                continue
            }
            if [200, 201].contains(answer.status), let text = answer.body["id"]?.stringValue,
                let id = UniqueID(text)
            {
                return id
            }
            guard [429, 503].contains(answer.status), ContinuousClock.now < deadline else {
                throw Refusal(description: "POST /workflows answered \(answer.status): \(answer.body)")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Creates many workflows of the same kind, a few at a time.
    package func createMany(
        _ count: Int, _ type: String, _ name: String, _ input: JSONObject = [:], atOnce: Int = 8,
        within limit: Duration = .seconds(30)
    ) async throws -> [UniqueID] {
        try await withThrowingTaskGroup(of: UniqueID.self) { group in
            var ids: [UniqueID] = []
            for number in 0..<count {
                if number >= atOnce, let id = try await group.next() { ids.append(id) }
                group.addTask { try await create(type, "\(name)-\(number)", input, within: limit) }
            }
            for try await id in group { ids.append(id) }
            return ids
        }
    }

    /// Asks that a workflow be cancelled.
    package func cancel(_ id: UniqueID) async throws {
        let answer = try await send("POST", "/api/v1/workflows/\(id)/cancel")
        guard (200..<300).contains(answer.status) else {
            throw Refusal(description: "cancel answered \(answer.status): \(answer.body)")
        }
    }

    /// All about a workflow.
    package func workflow(_ id: UniqueID) async throws -> JSONValue {
        try await send("GET", "/api/v1/workflows/\(id)").body
    }
}
