import Foundation
import FoundationNetworking
import JSONTools

/// The few requests of the REST API that the tests make.
struct WorkflowClient: Sendable {
    /// What the API answered.
    struct Answer: Sendable {
        var status: Int
        var body: JSONValue
    }

    /// An answer that wasn't expected.
    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    let url: String
    let token: String

    /// Makes one request.
    func send(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> Answer {
        guard let address = URL(string: url + path) else { throw Refusal(description: "\(path) is no path") }
        var request = URLRequest(url: address, timeoutInterval: 10)
        request.httpMethod = method
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        if let body {
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
            request.httpBody = Data(body.encoded())
        }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw Refusal(description: "no HTTP answer") }
        return Answer(status: response.statusCode, body: data.isEmpty ? .null : try JSONValue(parsing: Array(data)))
    }

    /// Creates a workflow, as a careful client does: the same key again until there is an answer.
    ///
    /// - Returns: its id.
    func create(
        _ type: String, _ name: String, _ input: JSONObject = [:], within limit: Duration = .seconds(30)
    ) async throws -> UniqueID {
        let body: JSONValue = [
            "type": .string(type), "name": .string(name), "input_data": .object(input),
            "idempotency_key": .string(UUID().uuidString),
        ]
        let deadline = ContinuousClock.now + limit
        while true {
            let answer: Answer
            do {
                answer = try await send("POST", "/api/v1/workflows", body)
            } catch let error as URLError where ContinuousClock.now < deadline {
                _ = error
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
    func createMany(_ count: Int, _ type: String, _ name: String, _ input: JSONObject = [:]) async throws -> [UniqueID]
    {
        try await withThrowingTaskGroup(of: UniqueID.self) { group in
            var ids: [UniqueID] = []
            for number in 0..<count {
                if number >= 8, let id = try await group.next() { ids.append(id) }
                group.addTask { try await create(type, "\(name)-\(number)", input) }
            }
            for try await id in group { ids.append(id) }
            return ids
        }
    }

    /// Asks that a workflow be cancelled.
    func cancel(_ id: UniqueID) async throws {
        let answer = try await send("POST", "/api/v1/workflows/\(id)/cancel")
        guard (200..<300).contains(answer.status) else {
            throw Refusal(description: "cancel answered \(answer.status): \(answer.body)")
        }
    }

    /// All about a workflow.
    func workflow(_ id: UniqueID) async throws -> JSONValue {
        try await send("GET", "/api/v1/workflows/\(id)").body
    }
}
