import FaultKit
import Foundation
import Glibc
import JSONTools
import LocalStack
import PostgresDriver
import Synchronization
import Testing

extension TestStack {
    /// Adds an agent whose actions go wrong as they are told, and waits until it has registered.
    ///
    /// - Parameters:
    ///   - type: the type it is to have.
    ///   - environment: more variables for it, which win over the others.
    func addFaultAgent(_ type: String = "fault", environment: [String: String] = [:]) async throws {
        let name = "\(type)-agent"
        try await stack.addFaultAgent(type, environment: environment)
        try await eventually(within: .seconds(15), "\(name) registers") {
            try await record.number(
                "SELECT count(*)::text FROM agents WHERE agent_type = $1 AND gone_at IS NULL", [.text(type)]) > 0
        } explain: {
            stack.logTail(name).joined(separator: "\n")
        }
    }

    /// Sees to it that the agent whose actions go wrong runs, for tests that share it.
    func needFaultAgent() async throws {
        let starting = faultAgent.withLock { starting in
            let task = starting ?? Task { try await self.addFaultAgent() }
            starting = task
            return task
        }
        try await starting.value
    }

    /// The high-water mark of the memory of a component, in bytes.
    func peakMemory(_ component: String) async throws -> Int {
        let process = try #require(await stack.process(component))
        let status = try String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return (line.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
    }

    /// Waits until a workflow has this status.
    func reach(
        _ status: String, _ id: UniqueID, within limit: Duration, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually(within: limit, "the workflow is \(status)", sourceLocation: sourceLocation) {
            try await record.status(id) == status
        } explain: {
            "\(try await client.workflow(id))"
        }
    }

    /// The codes and messages of the faults that a workflow's failed attempts had.
    func faults(_ id: UniqueID) async throws -> [String] {
        try await record.rows(
            "SELECT coalesce(fault_code, '') FROM tasks WHERE workflow_id = $1::uuid ORDER BY created_at, attempt",
            [.text("\(id)")]
        ).map { $0[0] }
    }

    /// How many results of a workflow were set aside, successes that came too late among them.
    func ignoredResults(_ id: UniqueID) async throws -> Int {
        try await record.stages(id, "result_ignored").count + record.stages(id, "late_success").count
    }
}
