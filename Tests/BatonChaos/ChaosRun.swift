import FaultKit
import Foundation
import HistoryChecker
import JSONTools
import LocalStack
import PostgresDriver
import RedisDriver
import Synchronization

/// One run: start, load and faults, peace, judgement.
enum ChaosRun {
    /// What came of it.
    struct Outcome: Sendable {
        var faults: [String: Int] = [:]
        var requests: [String: Int] = [:]
        var accepted = 0
        /// How workflows ended, by their phase.
        var ends: [String: Int] = [:]
        var stages = 0
        var attempts: [String: Int] = [:]
        var ignored = 0
        var deadLetters: [String: Int] = [:]
        var findings: [String: Int] = [:]
        var deaths = 0
        var lost: [UniqueID] = []
        /// What was left when the time to settle was over.
        var left: [String] = []
        var violations: [String] = []
        var orphans: [String] = []
        /// How long it took after the last fault until everything had ended.
        var settled: Duration = .zero

        var isSound: Bool { lost.isEmpty && left.isEmpty && violations.isEmpty && orphans.isEmpty && accepted > 0 }
    }

    /// How long everything may take to end once nothing goes wrong any more.
    private static let patience = Duration.seconds(240)

    static func run(_ plan: ChaosPlan) async throws -> Outcome {
        let directory = NSTemporaryDirectory() + "baton-chaos-" + UUID().uuidString.lowercased().prefix(8)
        try ChaosDefinitions.write(into: directory + "/definitions")
        let roads = Roads()
        let deaths = Mutex(0)
        var configuration = StackConfiguration.ephemeral(
            dataDirectory: directory, agents: StackConfiguration.allAgents + ["scaffold", "validation"],
            orchestrators: plan.orchestrators)
        configuration.road = { roads.url(for: $0, to: $1) }
        let stack = LocalStack(configuration) { news in
            if case .died = news { deaths.withLock { $0 += 1 } }
        }
        do {
            try await stack.start()
            try await stack.addFaultAgent()
            var outcome = try await drive(plan, stack, roads)
            outcome.deaths = deaths.withLock { $0 }
            outcome.orphans = await orphans(of: stack, directory)
            await end(stack, roads, directory, plan)
            return outcome
        } catch {
            await end(stack, roads, directory, plan)
            throw error
        }
    }

    /// Tells whoever waits.
    static func say(_ text: String) { FileHandle.standardError.write(Data("chaos: \(text)\n".utf8)) }

    private static func end(_ stack: LocalStack, _ roads: Roads, _ directory: String, _ plan: ChaosPlan) async {
        roads.openAll()
        if let logs = plan.logs {
            try? FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
            try? FileManager.default.copyItem(
                atPath: directory + "/logs", toPath: logs + "/" + (directory as NSString).lastPathComponent)
        }
        await stack.destroy()
        roads.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    private static func drive(_ plan: ChaosPlan, _ stack: LocalStack, _ roads: Roads) async throws -> Outcome {
        guard let token = StackRecord.adminToken(in: stack.configuration.dataDirectory),
            let database = await stack.databaseURL, let redisURL = await stack.redisURL
        else { throw StackError(.notReady, "the stack has no URLs") }
        let record = Record(pool: PostgresPool(try PostgresConfiguration(url: database)))
        let redis = RedisClient(try RedisConfiguration(url: redisURL))
        let ledger = ChaosLedger()
        let components = await stack.components
        let faults = ChaosFaults(
            stack: stack, roads: roads, redis: redis, ledger: ledger,
            agents: components.filter { $0.contains("-agent") },
            orchestrators: components.filter { $0.hasPrefix("orchestrator") })
        let deadline = ContinuousClock.now + .seconds(plan.seconds)
        let load = ChaosLoad(
            client: WorkflowClient(urls: await stack.orchestratorURLs, token: token), ledger: ledger,
            deadline: deadline)
        let loader = HistoryLoader(record: record, redis: redis, types: StackConfiguration.allAgents + ["fault"])
        let tending = Task { try await load.tend(record) }
        defer { tending.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await load.create(perSecond: plan.load, seed: plan.seed) }
            group.addTask { try await load.intervene(seed: plan.seed) }
            group.addTask {
                try await faults.run(until: deadline, seed: plan.seed)
                try await faults.end()
            }
            try await group.waitForAll()
        }
        let peace = ContinuousClock.now
        say("the faults are over; \(ledger.acceptedCount) workflows were accepted")
        var outcome = Outcome()
        outcome.left = try await settle(record, loader)
        outcome.settled = ContinuousClock.now - peace
        try await judge(&outcome, ledger, record, loader)
        redis.close()
        await record.pool.close()
        return outcome
    }

    /// Waits until everything has ended.
    ///
    /// - Returns: what hasn't.
    private static func settle(_ record: Record, _ loader: HistoryLoader) async throws -> [String] {
        let end = ContinuousClock.now + patience
        while true {
            var left: [String] = []
            for row in try await record.rows(
                """
                SELECT w.id::text, w.type, w.status, coalesce(w.current_stage, '') FROM workflows w
                JOIN workflow_state s USING (id) WHERE NOT s.is_terminal ORDER BY w.id LIMIT 20
                """)
            {
                left.append("workflow \(row[0]) (\(row[1])) is \(row[2]) at \(row[3])")
            }
            let open = try await record.number("SELECT count(*)::text FROM tasks WHERE status < 10")
            if open > 0 { left.append("\(open) open rows of attempts") }
            left += try await loader.streams().filter { $0.count > 0 }.map { "\($0.name) holds \($0.count) entries" }
            if left.isEmpty || ContinuousClock.now >= end { return left }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private static func judge(
        _ outcome: inout Outcome, _ ledger: ChaosLedger, _ record: Record, _ loader: HistoryLoader
    ) async throws {
        let history = try await loader.load(accepted: ledger.creations)
        outcome.violations = HistoryChecker.violations(in: history).map(\.description)
        let known = Set(history.workflows.map(\.id))
        outcome.lost = history.accepted.map(\.workflowID).filter { !known.contains($0) }
        outcome.accepted = history.accepted.count
        outcome.faults = ledger.faults
        outcome.requests = ledger.requests
        outcome.ends = Dictionary(grouping: history.workflows, by: \.phase).mapValues(\.count)
        outcome.attempts = Dictionary(grouping: history.tasks, by: \.status).mapValues(\.count)
        outcome.stages = history.events.count { $0.kind == "stage_completed" }
        outcome.ignored = history.events.count { $0.kind == "result_ignored" || $0.kind == "late_success" }
        for event in history.events where event.kind == "watchdog_finding" {
            outcome.findings[event.data["finding"]?.stringValue ?? "unnamed", default: 0] += 1
        }
        outcome.violations += foreign(history, ledger) + repaired(history)
        for row in try await record.rows(
            "SELECT kind || ' ' || cause, count(*)::text FROM dead_letters GROUP BY 1 ORDER BY 1")
        {
            outcome.deadLetters[row[0]] = Int(row[1]) ?? 0
            if ownFaults.contains(where: { row[0].hasSuffix($0) }) {
                outcome.violations.append("\(row[1]) dead letters \(row[0]), which nothing here caused")
            }
        }
    }

    /// Causes of dead letters that no fault of a run brings about.
    private static let ownFaults = ["REFUSED_BY_RECORD", "UNKNOWN_WORKFLOW", "INTERNAL"]

    /// Workflows that nobody asked for: each stands for a creation that was accepted or never answered.
    private static func foreign(_ history: History, _ ledger: ChaosLedger) -> [String] {
        let accepted = Set(history.accepted.map(\.workflowID))
        let unanswered = ledger.unanswered
        return history.workflows.filter { workflow in
            !accepted.contains(workflow.id) && !(workflow.idempotencyKey.map { unanswered.contains($0) } ?? false)
        }.map { "workflow \($0.id) is in the record and nobody asked for it" }
    }

    /// What Baton mended in its own record: nobody tampered with it, so that it was Baton's own fault.
    private static func repaired(_ history: History) -> [String] {
        history.events.filter { event in
            let finding = event.data["finding"]?.stringValue
            return event.kind == "workflow_repaired" || finding == "record_mismatch" || finding == "wake_missing"
        }.map { "workflow \($0.workflowID) seq \($0.sequence): \($0.kind) \($0.data)" }
    }

    /// Ends all processes in order, and says which are left.
    private static func orphans(of stack: LocalStack, _ directory: String) async -> [String] {
        for name in await stack.components.reversed() { try? await stack.stop(name) }
        var left = CommandLines.containing(ChaosDefinitions.toolMark).map { "tool \($0)" }
        left += OrphanSweep.kill(marked: OrphanSweep.stackVariable, with: directory).map {
            "\($0.process) \($0.command)"
        }
        return left
    }
}
