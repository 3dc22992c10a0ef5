import Hummingbird

/// Whether the service is well.
struct Health: ResponseEncodable {
    var status: String
    var uptimeSeconds: Int64

    private enum CodingKeys: String, CodingKey {
        case status
        case uptimeSeconds = "uptime_seconds"
    }

    /// Adds `GET /health`.
    static func add(to router: Router<BasicRequestContext>) {
        let start = ContinuousClock.now
        router.get("health") { _, _ in
            Health(status: "ok", uptimeSeconds: (ContinuousClock.now - start).components.seconds)
        }
    }
}

/// What went wrong, as clients see it.
struct Problem: ResponseEncodable, HTTPResponseError {
    var status: HTTPResponse.Status
    var code: String
    var error: String
    /// What is wrong with each field, where it is about fields.
    var fields: [String: String]?

    private enum CodingKeys: String, CodingKey {
        case code, error, fields
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        var response = try context.responseEncoder.encode(self, from: request, context: context)
        response.status = status
        return response
    }
}
