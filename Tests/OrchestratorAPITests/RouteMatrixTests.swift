import Foundation
import HTTPTypes
import JSONTools
import Logging
import Testing
import WorkflowStorage

@testable import OrchestratorAPI

/// Who may ask what. Written out here by hand: a route that is new, or that lets in others than before, fails.
private enum Allowed: CaseIterable {
    case anybody, fetchers, lookers, answerers, operators, admins

    var roles: Set<String> {
        switch self {
        case .anybody, .fetchers: ["viewer", "operator", "approver", "admin", "agent"]
        case .lookers: ["viewer", "operator", "approver", "admin"]
        case .answerers: ["operator", "approver", "admin"]
        case .operators: ["operator", "admin"]
        case .admins: ["admin"]
        }
    }
}

private let table: [String: Allowed] = [
    "GET /health": .anybody, "GET /health/live": .anybody, "GET /health/ready": .anybody,
    "GET /health/detailed": .lookers, "GET /metrics": .lookers, "GET /ws": .lookers, "GET /openapi.yaml": .anybody,
    "GET /api/v1/health": .anybody, "GET /api/v1/health/live": .anybody, "GET /api/v1/health/ready": .anybody,
    "GET /api/v1/health/detailed": .lookers, "GET /api/v1/metrics": .lookers, "GET /api/v1/ws": .lookers,
    "GET /api/v1/openapi.yaml": .anybody,
    "POST /api/v1/workflows": .operators, "GET /api/v1/workflows": .lookers, "GET /api/v1/workflows/{id}": .lookers,
    "POST /api/v1/workflows/{id}/pause": .operators, "POST /api/v1/workflows/{id}/resume": .operators,
    "POST /api/v1/workflows/{id}/cancel": .operators, "POST /api/v1/workflows/{id}/retry": .operators,
    "POST /api/v1/workflows/{id}/answers": .answerers,
    "GET /api/v1/workflows/{id}/tasks": .lookers, "GET /api/v1/workflows/{id}/events": .lookers,
    "GET /api/v1/workflows/{id}/logs": .lookers, "GET /api/v1/workflows/{id}/artifacts": .lookers,
    "GET /api/v1/workflows/{id}/diagram.svg": .lookers,
    "GET /api/v1/tasks": .lookers, "GET /api/v1/tasks/{id}": .lookers,
    "GET /api/v1/artifacts/{sha256}": .fetchers,
    "GET /api/v1/definitions": .lookers, "POST /api/v1/definitions": .admins,
    "POST /api/v1/definitions/validate": .lookers, "GET /api/v1/definitions/{name}": .lookers,
    "PUT /api/v1/definitions/{name}": .admins, "GET /api/v1/definitions/{name}/versions": .lookers,
    "GET /api/v1/agents": .lookers, "GET /api/v1/agents/{id}": .lookers, "POST /api/v1/agents/{id}/drain": .admins,
    "GET /api/v1/dead-letters": .lookers, "GET /api/v1/dead-letters/{id}": .lookers,
    "DELETE /api/v1/dead-letters/{id}": .operators, "POST /api/v1/dead-letters/{id}/redrive": .operators,
    "GET /api/v1/stats/overview": .lookers, "GET /api/v1/stats/workflows": .lookers,
    "GET /api/v1/stats/agents": .lookers, "GET /api/v1/stats/timeseries": .lookers,
    "GET /api/v1/tokens": .admins, "POST /api/v1/tokens": .admins, "DELETE /api/v1/tokens/{id}": .admins,
    "GET /api/v1/audit": .admins, "POST /api/v1/login": .anybody, "POST /api/v1/logout": .fetchers,
]

extension OverTheWire {
    @Suite("Every route, every role")
    struct RouteMatrix {
        private func routes(_ api: APIFixture) -> [RouteList.Route] {
            let services = APIServices(
                orchestrator: api.orchestrator, pool: api.pool, isRedisUp: { true },
                settings: OrchestratorHTTP.Settings(
                    host: "127.0.0.1", port: 0, dataDirectory: api.dataDirectory, version: "test"),
                logger: Logger(label: "matrix") { _ in SilentHandler() })
            return APIRouter.routes(services).routes
        }

        @Test("A route lets in the roles that it is for, and tells the others 403 or, without a token, 401")
        func matrix() async throws {
            try await withAPI { api in
                let routes = routes(api)
                #expect(Set(routes.map { "\($0.method) \($0.path)" }) == Set(table.keys))
                var secrets: [String: String] = [:]
                for role in Caller.Role.allCases.map(\.rawValue) {
                    let secret = "the-secret-of-the-\(role)-of-this-test"
                    secrets[role] = secret
                    try await api.store.keep(
                        TokenRow(
                            hash: SHA256Digest.hex(of: Array(secret.utf8)), name: role, role: role, tenant: "default"))
                }
                for route in routes {
                    let name = "\(route.method) \(route.path)"
                    let allowed = try #require(table[name])
                    let path = route.path.replacing("{id}", with: "01997d2b-7001-7b3c-a4d5-e6f708192a3b")
                        .replacing("{name}", with: "nothing")
                        .replacing("{sha256}", with: String(repeating: "a", count: 64))
                    func status(_ token: String?) async throws -> Int {
                        try await api.send("\(route.method)", path, token: token).status
                    }
                    let nobody = try await status(nil)
                    let stranger = try await status("a-token-that-nobody-ever-made-for-us")
                    if allowed == .anybody {
                        #expect(![401, 403].contains(nobody) && ![401, 403].contains(stranger), "\(name)")
                    } else {
                        #expect(nobody == 401 && stranger == 401, "\(name)")
                    }
                    for (role, secret) in secrets {
                        let status = try await status(secret)
                        if allowed.roles.contains(role) {
                            #expect(![401, 403, 500].contains(status), "\(name) as \(role): \(status)")
                        } else {
                            #expect(status == 403, "\(name) as \(role): \(status)")
                        }
                    }
                }
            }
        }

        @Test("The description of the API has every route, and no other; what changes something is named in the trail")
        func description() async throws {
            let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let text = try String(contentsOf: folder.appendingPathComponent("share/api/openapi.yaml"), encoding: .utf8)
            let described = DescribedRoutes(text)
            try await withAPI { api in
                let routes = routes(api)
                #expect(Set(described.operations.keys) == Set(routes.map { "\($0.method) \($0.path)" }))
                for route in routes {
                    let name = "\(route.method) \(route.path)"
                    if let deed = route.deed {
                        #expect(described.operations[name] == deed, "\(name)")
                    } else {
                        // What only reads, or writes its entry itself.
                        let isPlain = route.method == .get
                        #expect(
                            isPlain || ["/api/v1/definitions/validate", "/api/v1/login"].contains(route.path),
                            "\(name) changes something and leaves no trace")
                    }
                }
            }
        }
    }
}

/// The operations in the description, read line by line: each path stands at two spaces, each method at four.
private struct DescribedRoutes {
    /// The operation's id by method and path.
    var operations: [String: String] = [:]

    init(_ text: String) {
        var path = ""
        var method = ""
        var anchor: String?
        var byAnchor: [String: [String: String]] = [:]
        for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
            if line.hasPrefix("components:") { return }
            if let match = line.wholeMatch(of: /\ \ (\/[^ :]*):(?: ([&*])(\w+))?/) {
                path = String(match.1)
                anchor = match.2 == "&" ? match.3.map(String.init) : nil
                if match.2 == "*", let known = match.3.flatMap({ byAnchor[String($0)] }) {
                    for (method, id) in known { operations["\(method) \(path)"] = id }
                }
            } else if let match = line.wholeMatch(of: /\ \ \ \ (get|post|put|delete):/) {
                method = match.1.uppercased()
                operations["\(method) \(path)"] = ""
                if let anchor { byAnchor[anchor, default: [:]][method] = "" }
            } else if let match = line.wholeMatch(of: /\ {6}operationId: (\w+)/) {
                operations["\(method) \(path)"] = String(match.1)
            }
        }
    }
}
