import Foundation
import Testing

/// Who may depend on whom. SwiftPM lets a target import what another target brought in, so that a forbidden arrow would
/// not show in `Package.swift`.
@Suite struct ArrowTests {
    /// A target under `Sources/` or `agents/`, and what it is declared to depend on.
    struct Target: Sendable, CustomTestStringConvertible {
        var name: String
        var folder: String
        var dependencies: Set<String>

        var testDescription: String { name }

        /// Modules that its sources import.
        func imports() throws -> Set<String> {
            let texts = try Checkout.files(below: [folder], ending: ".swift").map(Checkout.text)
            let pattern = /(?m)^(?:public |internal )?import (?:(?:struct|enum|class|func) )?([A-Za-z0-9]+)/
            return Set(texts.flatMap { $0.matches(of: pattern).map { String($0.1) } })
        }
    }

    static let targets: [Target] = {
        guard let package = try? Checkout.text("Package.swift") else { return [] }
        func words(_ text: Substring?) -> Set<String> {
            Set((text ?? "").matches(of: /"([A-Za-z0-9]+)"/).map { String($0.1) })
        }
        var found: [Target] = []
        for match in package.matches(of: /\n +library\(\s*"([A-Za-z0-9]+)"(?:,\s*\[([^\]]*)\]\s*)?\)/) {
            found.append(Target(name: String(match.1), folder: "Sources/\(match.1)", dependencies: words(match.2)))
        }
        for match in package.matches(of: /executableTarget\(\s*name: "([A-Za-z0-9]+)",\s*dependencies: \[([^\]]*)\]/)
        where Checkout.exists("Sources/\(match.1)") {
            found.append(Target(name: String(match.1), folder: "Sources/\(match.1)", dependencies: words(match.2)))
        }
        let agent = package.firstMatch(of: /name: name, dependencies: (\[[^\]]*\]) \+ dependencies,\s*path: "agents/)
        let shared = words(agent?.1)
        for match in package.matches(of: /agent\("([A-Za-z0-9]+)", at: "([a-z0-9]+)"/) {
            found.append(Target(name: String(match.1), folder: "agents/\(match.2)", dependencies: shared))
        }
        return found
    }()

    @Test func `all targets were found`() {
        let names = Self.targets.map(\.name)
        #expect(Set(names).count == names.count)
        for name in ["JSONTools", "WorkflowCore", "OrchestratorEngine", "OrchestratorMain", "BatonCLI", "E2EAgent"] {
            #expect(names.contains(name))
        }
        #expect(Self.targets.count { $0.folder.hasPrefix("agents/") && $0.dependencies.contains("AgentRuntime") } == 5)
        for target in Self.targets { #expect(Checkout.exists(target.folder), "\(target.folder)") }
    }

    @Test(arguments: targets)
    func `what a target imports is declared`(target: Target) throws {
        let own = Set(Self.targets.map(\.name)).union(["CHiredis", "CLibPQ"])
        let undeclared = try target.imports().intersection(own).subtracting(target.dependencies.union([target.name]))
        #expect(undeclared.isEmpty, "Package.swift doesn't say that \(target.name) depends on \(undeclared.sorted())")
    }

    /// The most that some targets may depend on.
    static let limits: [(String, Set<String>)] = [
        ("WorkflowCore", ["JSONTools"]), ("AgentProtocol", ["JSONTools"]), ("JSONTools", []), ("BlockingIO", []),
        ("LocalStack", ["JSONTools"]), ("BatonCLI", ["LocalStack", "JSONTools"]),
        ("TaskTransport", ["RedisDriver", "AgentProtocol", "JSONTools"]),
        ("WorkflowStorage", ["WorkflowCore", "JSONTools", "PostgresDriver"]),
    ]

    @Test(arguments: limits)
    func `arrows stay as few as they were meant`(name: String, allowed: Set<String>) throws {
        let target = try #require(Self.targets.first { $0.name == name })
        let own = Set(Self.targets.map(\.name))
        #expect(target.dependencies.intersection(own).subtracting(allowed).isEmpty)
    }

    @Test(arguments: targets.filter { $0.folder.hasPrefix("agents/") })
    func `agents know neither the record nor each other`(agent: Target) throws {
        let agents = Set(Self.targets.filter { $0.folder.hasPrefix("agents/") }.map(\.name))
        let forbidden = agents.union([
            "WorkflowCore", "WorkflowStorage", "PostgresDriver", "OrchestratorEngine", "Hummingbird", "AsyncHTTPClient",
        ])
        #expect(try agent.imports().intersection(forbidden).isEmpty)
    }

    @Test func `what decides is pure`() throws {
        let core = try #require(Self.targets.first { $0.name == "WorkflowCore" }).imports()
        #expect(core.isSubset(of: ["JSONTools"]), "\(core)")
    }
}
