import Foundation
import Glibc
import LocalStack

/// A private stack and what is measured on it.
struct Bench: Sendable {
    private let options: Options
    private let stack: LocalStack
    let record: Record
    let creator: Creator
    private let processes: [(name: String, pid: Int32)]

    /// Starts a stack in a directory of its own.
    static func start(_ options: Options) async throws -> Bench {
        var template = Array("/tmp/baton-bench-XXXXXX".utf8CString)
        guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
            throw BenchError("mkdtemp: error \(errno)")
        }
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Like `baton up`, but on free ports, without Python, and gone with this process.
        var configuration = StackConfiguration.ephemeral(dataDirectory: directory)
        // One token asks for everything here.
        configuration.environment["BATON_RATE_LIMIT"] = "0"
        if let slots = options.slots { configuration.environment["BATON_AGENT_SLOTS"] = "\(slots)" }
        configuration.postgresSettings = options.postgres
        let stack = LocalStack(configuration) { news in
            if case .died(let name, let reason, _) = news { say("\(name) died: \(reason)") }
        }
        try await stack.start()
        do {
            return try await Bench(options: options, stack: stack)
        } catch {
            await stack.destroy()
            throw error
        }
    }

    private init(options: Options, stack: LocalStack) async throws {
        self.options = options
        self.stack = stack
        let snapshot = await stack.snapshot
        guard let databaseURL = snapshot.databaseURL, let redisURL = snapshot.redisURL,
            let token = StackRecord.adminToken(in: snapshot.dataDirectory),
            let orchestrator = snapshot.processes.first(where: { $0.name == "orchestrator" }),
            let port = orchestrator.port.flatMap({ UInt16(exactly: $0) })
        else { throw BenchError("the stack doesn't say where it is") }
        record = try await Record(databaseURL: databaseURL, redisURL: redisURL, namespace: snapshot.namespace ?? "")
        creator = Creator(port: port, token: token)
        processes =
            snapshot.processes.compactMap { entry in entry.pid.map { (entry.name, $0) } }
            + [(Measurement.client, getpid())]
    }

    func stop() async {
        await record.close()
        await stack.destroy()
    }

    /// Versions and settings that matter.
    func facts() async throws -> Report.Facts {
        var facts = Report.Facts()
        facts.postgres = try await record.setting("server_version")
        facts.redis = try await record.redisVersion()
        let names = ["fsync", "synchronous_commit", "full_page_writes", "wal_sync_method"]
        for name in names + options.postgres.keys.sorted() where !facts.settings.contains(where: { $0.0 == name }) {
            facts.settings.append((name, try await record.setting(name)))
        }
        for (name, value) in facts.settings where ["fsync", "synchronous_commit"].contains(name) && value != "on" {
            throw BenchError("PostgreSQL's \(name) is \(value): these would not be figures of a durable system")
        }
        return facts
    }

    /// Lets the system get going before anything counts.
    func warmUp() async throws {
        let created = try creator.create(options.warmup, connections: options.connections)
        try await waitForEnd()
        try await check(created, options.warmup, "warm-up")
    }

    /// Measures everything once.
    func run() async throws -> Measurement {
        var result = Measurement()
        result.sync = try await syncTime()
        result.idle = try await idle()
        result.mixed = try await burst(isHeld: false)
        result.held = try await burst(isHeld: true)
        result.memory = ProcessUsage.memory(of: processes)
        return result
    }

    /// One workflow at a time.
    func idle() async throws -> Measurement.Idle {
        var answers: [Double] = []
        var firstID: String?
        let (begun, before) = (wallClock(), ProcessUsage(of: processes))
        for _ in 0..<options.idle {
            let created = try creator.create(1, connections: 1)
            firstID = firstID ?? created.firstID
            answers += created.answers
            // Looked at rarely, so that looking is not what is measured.
            repeat { try await Task.sleep(for: .milliseconds(25)) } while try await record.openWorkflows() > 0
        }
        let others = ProcessUsage(of: processes).since(before)[Measurement.others] ?? 0
        let disturbance = max(0, others) / (wallClock() - begun)
        var all = Creator.Created()
        all.firstID = firstID ?? ""
        try await check(all, options.idle, "one at a time")
        let times = try await record.times(from: all.firstID)
        return Measurement.Idle(
            handOver: Percentiles(times.handOvers), whole: Percentiles(times.whole), answers: Percentiles(answers),
            disturbance: disturbance)
    }

    /// Many workflows at once.
    ///
    /// - Parameter isHeld: whether the agents are stopped (SIGSTOP) until all workflows have been created.
    func burst(isHeld: Bool) async throws -> Measurement.Burst {
        try await burst(isHeld: isHeld) { _ in
        } whenOver: { _, _ in
        }
    }

    /// Many workflows at once, with a look at the record before what is measured and one after it.
    func burst<Moment>(
        isHeld: Bool, whenReady: (Record) async throws -> Moment,
        whenOver: (Record, Moment) async throws -> Void
    ) async throws -> Measurement.Burst {
        try await record.settle()
        let count = options.workflows
        if isHeld { await signalAgents(SIGSTOP) }
        var moment = try await whenReady(record)
        var before = ProcessUsage(of: processes)
        var begun = wallClock()
        let created: Creator.Created
        do {
            created = try creator.create(count, connections: options.connections)
            if isHeld {
                // An agent that is silent for 15 s counts as lost, and its work begins anew.
                guard wallClock() - begun < 10 else {
                    throw BenchError("creating \(count) workflows took too long to hold the agents; use fewer")
                }
                while try await record.waitingTasks("scaffold") < count { try await Task.sleep(for: .milliseconds(5)) }
                moment = try await whenReady(record)
                before = ProcessUsage(of: processes)
                begun = wallClock()
                await signalAgents(SIGCONT)
            }
        } catch {
            await signalAgents(SIGCONT)
            throw error
        }
        try await waitForEnd()
        let after = ProcessUsage(of: processes)
        try await whenOver(record, moment)
        try await check(created, count, isHeld ? "created before" : "created meanwhile")
        return Measurement.Burst(
            workflows: count, seconds: try await record.times(from: created.firstID).end - begun,
            creations: Double(count) / created.seconds, answers: Percentiles(created.answers),
            cpu: after.since(before))
    }

    private func signalAgents(_ number: Int32) async {
        for (name, pid) in processes where name.contains("-agent") {
            ProcessIdentity(pid: pid)?.send(number)
        }
    }

    private func waitForEnd() async throws {
        let deadline = ContinuousClock.now + .seconds(300)
        // Looked at rarely: looking costs PostgreSQL a walk over what has ended lately.
        while try await record.openWorkflows() > 0 {
            guard ContinuousClock.now < deadline else {
                throw BenchError("\(try await record.openWorkflows()) workflows have not ended after 300 s")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Without this the figures would be void.
    private func check(_ created: Creator.Created, _ count: Int, _ what: String) async throws {
        var faults = try await record.faults(
            from: created.firstID, workflows: count, stages: Measurement.stagesPerWorkflow)
        for entry in await stack.snapshot.processes where entry.restarts > 0 {
            faults.append("\(entry.name) was started again")
        }
        guard faults.isEmpty else {
            throw BenchError("the conservation check failed (\(what)):\n  " + faults.joined(separator: "\n  "))
        }
    }

    /// What a write costs that is on the disk when it returns.
    private func syncTime() async throws -> Percentiles {
        let path = await stack.snapshot.dataDirectory + "/sync-probe"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw BenchError("\(path): error \(errno)") }
        defer {
            close(descriptor)
            unlink(path)
        }
        let block = [UInt8](repeating: 0x42, count: 8192)
        var times: [Double] = []
        for index in 0..<200 {
            let begun = wallClock()
            guard block.withUnsafeBytes({ pwrite(descriptor, $0.baseAddress, $0.count, index % 16 * 8192) }) == 8192,
                fdatasync(descriptor) == 0
            else { throw BenchError("\(path): error \(errno)") }
            times.append((wallClock() - begun) * 1e6)
        }
        return Percentiles(times)
    }
}
