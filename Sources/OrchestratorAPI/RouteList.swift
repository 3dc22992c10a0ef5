import HTTPTypes
import Hummingbird

/// The routes of the API as data, so that a wrong method can be told from a wrong path.
struct RouteList: Sendable {
    /// Answers a request.
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    /// One route.
    struct Route: Sendable {
        var method: HTTPRequest.Method
        /// Path with `{name}` for what varies.
        var path: String
        /// Whether it takes a token.
        var isGuarded: Bool
        var handler: Handler
    }

    private(set) var routes: [Route] = []

    /// Adds a route that takes a token.
    mutating func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        routes.append(Route(method: method, path: path, isGuarded: true, handler: handler))
    }

    /// Adds a route that anybody may ask.
    mutating func open(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        routes.append(Route(method: method, path: path, isGuarded: false, handler: handler))
    }

    /// The methods that a path understands, in alphabetical order.
    func methods(at path: String) -> [String] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        let found = routes.filter { route in
            let pattern = route.path.split(separator: "/")
            return pattern.count == parts.count
                && zip(pattern, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        var methods = Set(found.map(\.method.rawValue))
        // The router answers HEAD by what it has for GET.
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.sorted()
    }
}
