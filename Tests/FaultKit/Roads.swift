import Foundation
import Synchronization

/// The roads of a stack: one for each program and server, so that each can be cut off alone.
package final class Roads: Sendable {
    /// The servers that roads lead to.
    package enum Server: String, Sendable, Hashable, CaseIterable {
        case redis
        case postgres
    }

    private let roads = Mutex<[String: TCPProxy]>([:])

    /// No roads yet.
    package init() {}

    /// The URL by which a component reaches a server: that of a road, made at the first question.
    package func url(for component: String, to url: String) -> String {
        guard var parts = URLComponents(string: url), let port = parts.port else { return url }
        let server: Server = url.hasPrefix("redis") ? .redis : .postgres
        let road = roads.withLock { roads -> TCPProxy? in
            if let road = roads[Self.key(component, server)] { return road }
            // Without a port for it the component goes straight to the server, and a test that needs the road fails.
            guard let road = try? TCPProxy(to: port) else { return nil }
            roads[Self.key(component, server)] = road
            return road
        }
        guard let road else { return url }
        parts.port = road.port
        return parts.string ?? url
    }

    /// The road of a component to a server.
    package subscript(component: String, server: Server) -> TCPProxy? {
        roads.withLock { $0[Self.key(component, server)] }
    }

    /// Opens all roads.
    package func openAll() {
        for road in roads.withLock({ Array($0.values) }) { road.mode = .open }
    }

    /// Ends all roads.
    package func close() {
        for road in roads.withLock({ Array($0.values) }) { road.close() }
    }

    private static func key(_ component: String, _ server: Server) -> String { "\(component)>\(server.rawValue)" }
}
