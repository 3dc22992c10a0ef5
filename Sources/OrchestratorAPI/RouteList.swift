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
        /// What a token has to allow; nil if anybody may ask.
        var permission: Permission?
        /// Whether the handler reads the query; for others every parameter is unknown.
        var readsQuery: Bool
        /// What the audit trail calls it, as the description of the API does; nil if it changes nothing.
        var deed: String?
        var handler: Handler
    }

    private(set) var routes: [Route] = []

    /// Adds a route that takes a token.
    ///
    /// - Parameters:
    ///   - permission: what the token has to allow; by default to look for GET, to work with workflows otherwise.
    ///   - deed: what the audit trail calls it; nil if it changes nothing.
    mutating func on(
        _ method: HTTPRequest.Method, _ path: String, needs permission: Permission? = nil, readsQuery: Bool = false,
        deed: String? = nil, _ handler: @escaping Handler
    ) {
        let usual: Permission = method == .get ? .look : .operate
        routes.append(
            Route(
                method: method, path: path, permission: permission ?? usual, readsQuery: readsQuery, deed: deed,
                handler: handler))
    }

    /// Adds a route that anybody may ask, whatever stands in the query.
    mutating func open(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        routes.append(Route(method: method, path: path, permission: nil, readsQuery: true, deed: nil, handler: handler))
    }

    /// The methods that a path understands, in alphabetical order.
    func methods(at path: String) -> [String] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        let found = routes.filter { route in
            let pattern = route.path.split(separator: "/")
            return pattern.count == parts.count
                && zip(pattern, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        // What is written out wins over what varies.
        let fewest = found.map { Self.variables(in: $0.path) }.min()
        var methods = Set(found.filter { Self.variables(in: $0.path) == fewest }.map(\.method.rawValue))
        // The router answers HEAD by what it has for GET.
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.sorted()
    }
    private static func variables(in path: String) -> Int {
        path.split(separator: "/").count { $0.hasPrefix("{") }
    }
}
