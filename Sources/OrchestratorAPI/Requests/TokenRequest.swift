import JSONTools

/// The body of `POST /tokens`.
struct TokenRequest: Sendable {
    /// Most names that a token may be bound to.
    static let maxWorkers = 100

    var name: String
    var role: Caller.Role
    var expiresAt: Timestamp?
    var workers: [String]?

    /// Reads it.
    ///
    /// - Throws: 422 naming each fault.
    init(_ body: JSONObject, now: Timestamp = .now()) throws(Problem) {
        var reader = FieldReader(body, allowed: ["name", "role", "expires_at", "workers"])
        let name = reader.text("name", isRequired: true)
        if let name, let fault = WorkflowRequest.fault(ofName: name) { reader.fault("/name", fault) }
        if body["role"]?.isNull ?? true {
            reader.fault(
                "/role",
                "is missing; expected one of \(Caller.Role.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let role = reader.word("role", of: Caller.Role.allCases.map(\.rawValue)).flatMap(Caller.Role.init)
        if let text = reader.text("expires_at") {
            expiresAt = Timestamp(rfc3339: text)
            if let end = expiresAt {
                if end <= now { reader.fault("/expires_at", "found \(end), which has passed; expected a time to come") }
            } else {
                reader.fault(
                    "/expires_at",
                    "found '\(WorkflowRequest.shortened(text))'; expected a time as in 2026-12-31T23:59:59Z")
            }
        }
        if let value = body["workers"], !value.isNull {
            workers = Self.workers(in: value, &reader)
        }
        guard reader.faults.isEmpty, let name, let role else { throw .invalid(reader.faults) }
        self.name = name
        self.role = role
    }

    private static func workers(in value: JSONValue, _ reader: inout FieldReader) -> [String]? {
        guard let list = value.arrayValue, list.count <= maxWorkers else {
            reader.fault("/workers", "found \(value.kindName); expected a list of at most \(maxWorkers) names")
            return nil
        }
        var names: [String] = []
        for (index, item) in list.enumerated() {
            guard let name = item.stringValue.flatMap(WorkerName.normal) else {
                reader.fault("/workers/\(index)", "found \(item.kindName); expected a name such as my-worker")
                continue
            }
            if !names.contains(name) { names.append(name) }
        }
        return names
    }
}
