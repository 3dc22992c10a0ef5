import Foundation
import Glibc
import JSONTools
import LocalStack

/// Tries the rules on a running agent, each on those before.
actor AgentRules {
    typealias Reference = AgentExaminer.Reference
    typealias Heard = AgentExaminer.Heard

    let examiner: AgentExaminer
    let launcher: AgentLauncher
    private let chosen: Set<AgentRule>
    /// Called after each rule.
    private let tell: @Sendable (RuleOutcome) -> Void
    private var outcomes: [RuleOutcome] = []
    /// The agent; nil before it is started and if it can't be.
    var process: DetachedProcess?
    var firstID = ""
    var slots = 1

    /// - Parameters:
    ///   - chosen: the rules to try; that it registers is tried anyway, for all others stand on it.
    ///   - tell: called after each rule.
    init(
        examiner: AgentExaminer, launcher: AgentLauncher, chosen: Set<AgentRule>,
        tell: @escaping @Sendable (RuleOutcome) -> Void
    ) {
        self.examiner = examiner
        self.launcher = launcher
        self.chosen = chosen
        self.tell = tell
    }

    /// Tries them.
    func all() async -> [RuleOutcome] {
        defer { _ = process?.identity.sendToGroup(SIGKILL) }
        note(.register, await begin())
        guard outcomes.last?.trouble == nil else { return outcomes }
        for rule in AgentRule.allCases where rule != .register && chosen.contains(rule) {
            // What went wrong with one rule, such as an agent that has ended, is no trouble of the next.
            if process?.exitReason != nil, rule != .form, let trouble = await begin() {
                note(rule, "it can't be started again: \(trouble)")
                continue
            }
            await note(rule, trouble(with: rule))
        }
        return outcomes
    }

    private func note(_ rule: AgentRule, _ trouble: String?) {
        let outcome = RuleOutcome(rule: rule, trouble: trouble)
        outcomes.append(outcome)
        tell(outcome)
    }

    /// What was seen instead of a rule being kept; nil if it is.
    private func trouble(with rule: AgentRule) async -> String? {
        switch rule {
        case .register: await registers()
        case .heartbeat: await beats()
        case .lanes: await works()
        case .transaction: await isAtomic()
        case .slots: await keepsSlots()
        case .begun: await beatsWhileWorking()
        case .cancel: await stops(byVerdict: false)
        case .verdict: await stops(byVerdict: true)
        case .withdrawn: await leavesWithdrawn()
        case .timeout: await endsInTime()
        case .held: await keepsResults()
        case .envelope: await refusesEnvelopes()
        case .limits: await refusesLarge()
        case .unknown: await ignoresUnknown()
        case .action: await refusesActions()
        case .garbage: await rejectsGarbage()
        case .known: await registersAgain()
        case .drain: await drains()
        case .reconnect: await reconnects()
        case .loss: await survivesLoss()
        case .leave: await leaves()
        case .form: await keepsForm()
        case .restart: await restarts()
        case .namespace: await keepsNamespace()
        case .abandon: await abandons()
        }
    }

    /// Starts the agent, for the first time or anew.
    func start(namespace: String = "", before: (AgentExaminer) async -> Void = { _ in }) async -> String? {
        guard let url = await examiner.prepare(namespace: namespace) else { return "Redis refuses to make its user" }
        await before(examiner)
        do {
            process = try await launcher.start(redisURL: url, namespace: namespace)
            return nil
        } catch {
            return "it can't be started: \(error)"
        }
    }

    /// Starts it without a namespace, and waits until it is there.
    func begin() async -> String? {
        if let trouble = await start() { return trouble }
        return await registers()
    }

    /// Ends the agent, if it runs.
    func end() async {
        guard let process, process.exitReason == nil else { return }
        _ = process.identity.sendToGroup(SIGKILL)
        _ = await process.waitForExit()
    }

    /// Why nothing came: because it has ended, or as it is said.
    func because(_ text: String) -> String {
        process?.exitReason.map { "it has ended (\($0))" } ?? text
    }

    // MARK: The rules; each gives what was seen instead, or nil

    func registers() async -> String? {
        let process = process
        guard
            await examiner.wait(
                .seconds(20), until: { !$0.signals("register").isEmpty || process?.exitReason != nil }),
            let message = await examiner.signals("register").first?.message
        else { return because("no register came within 20 s") }
        let type = examiner.type
        let id = message["agent_id"]?.stringValue ?? ""
        guard message["agent_type"]?.stringValue == type else {
            return "found agent_type \(message["agent_type"] ?? .null); expected \"\(type)\""
        }
        let digits = id.dropFirst(type.count + 1)
        guard id.hasPrefix(type + "-"), digits.count == 8,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return "found the id '\(id)'; expected \(type)- and 8 hex digits" }
        if firstID.isEmpty { firstID = id }
        slots = min(max(message["slots"]?.intValue ?? 1, 1), 64)
        for field in ["version", "sent_at", "agent_version", "actions", "slots", "host", "pid"]
        where message[field] == nil {
            return "its register lacks \(field)"
        }
        let actions = (message["actions"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        return actions.contains("noop")
            ? nil : "it offers \(actions.joined(separator: ", ")), and not noop, by which the other rules are tried"
    }

    private func beats() async -> String? {
        let start = ContinuousClock.now
        guard await examiner.wait(.seconds(12), until: { $0.signals("heartbeat", since: start).count >= 2 }) else {
            return "\(await examiner.signals("heartbeat", since: start).count) came in 12 s; expected 2"
        }
        return nil
    }

    private func works() async -> String? {
        var sent: [Reference] = []
        for lane in ["low", "medium", "high", "critical"] {
            sent.append(await examiner.send(["output": ["lane": .string(lane)]], lane: lane))
        }
        for reference in sent {
            guard await examiner.wait(.seconds(15), until: { !$0.results(of: reference).isEmpty }) else {
                return because("no result came for a noop within 15 s")
            }
            let result = await examiner.results(of: reference).first?.message ?? .null
            guard result["status"] == "success" else { return "found status \(result["status"] ?? .null) for a noop" }
            for field in ["message_id", "workflow_id", "agent_id", "agent_type", "stage", "started_at", "completed_at"]
            where result[field] == nil {
                return "its result lacks \(field)"
            }
        }
        return await nothingIsLeft()
    }

    func nothingIsLeft() async -> String? {
        let (entries, pending) = await examiner.leftovers()
        return entries == 0 && pending == 0
            ? nil : "\(entries) entries are on the task streams, \(pending) of them claimed; expected none"
    }

    private func beatsWhileWorking() async -> String? {
        let start = ContinuousClock.now
        let reference = await examiner.send(["sleep_ms": 8000])
        let isSaid = await examiner.wait(.seconds(3)) { $0.signals("started").contains { $0.reference == reference } }
        guard isSaid else { return because("no started came within 3 s") }
        let isListed: @Sendable (Heard) -> Bool = { beat in
            (beat.message["running"]?.arrayValue ?? []).contains {
                Reference($0["ref"]) == reference
            }
        }
        guard
            await examiner.wait(
                .seconds(7), until: { $0.signals("heartbeat", since: start).contains(where: isListed) })
        else { return "no heartbeat listed it as running within 7 s" }
        guard await examiner.wait(.seconds(15), until: { !$0.results(of: reference).isEmpty }) else {
            return "no result came for a noop of 8 s"
        }
        return nil
    }

    private func stops(byVerdict: Bool) async -> String? {
        let reference = await examiner.send(["sleep_ms": 40_000])
        guard
            await examiner.wait(.seconds(7), until: { $0.hasBegun(reference) })
        else { return "neither started nor a heartbeat that lists it came within 7 s" }
        if byVerdict { await examiner.stop(reference) } else { await examiner.cancel(reference) }
        // The verdict comes with the answer to a heartbeat, up to 5 s later.
        guard await examiner.wait(.seconds(byVerdict ? 11 : 6), until: { !$0.results(of: reference).isEmpty }) else {
            return "no result came in time"
        }
        let status = await examiner.results(of: reference).first?.message["status"] ?? .null
        return status == "cancelled" ? nil : "found status \(status); expected cancelled"
    }

    private func keepsResults() async -> String? {
        await examiner.setSettles(false)
        let reference = await examiner.send([:])
        let start = ContinuousClock.now
        guard await examiner.wait(.seconds(10), until: { !$0.results(of: reference).isEmpty }) else {
            await examiner.setSettles(true)
            return "no result came"
        }
        let isHeld: @Sendable (Heard) -> Bool = { beat in
            (beat.message["held"]?.arrayValue ?? []).contains { Reference($0) == reference }
        }
        let held = await examiner.wait(
            .seconds(8), until: { $0.signals("heartbeat", since: start).contains(where: isHeld) })
        // Three answers to heartbeats, 5 s apart.
        let again = held ? await examiner.wait(.seconds(30), until: { $0.results(of: reference).count >= 2 }) : false
        await examiner.setSettles(true)
        guard held else { return because("no heartbeat listed it as held") }
        guard again else { return because("it was not said again after three answers without it") }
        await examiner.listen(for: .seconds(7))
        let late = ContinuousClock.now
        guard await examiner.wait(.seconds(8), until: { !$0.signals("heartbeat", since: late).isEmpty }) else {
            return because("no heartbeat came")
        }
        let isStillHeld = await examiner.signals("heartbeat", since: late).contains(where: isHeld)
        return isStillHeld ? "it is listed as held though it is settled" : nil
    }

    private func refusesEnvelopes() async -> String? {
        for (what, changes) in [
            ("without payload", ["payload": nil]),
            (
                "of version 3",
                ["metadata": ["created_at": "2026-09-21T14:13:20Z", "created_by": "x", "envelope_version": "3.0.0"]]
            ),
            ("whose payload is a list", ["payload": []]),
        ] as [(String, JSONObject)] {
            let reference = await examiner.send([:], changes: changes)
            if let trouble = await failure(of: reference, code: "INVALID_ENVELOPE") { return "\(what): \(trouble)" }
        }
        return await nothingIsLeft()
    }

    private func refusesActions() async -> String? {
        let reference = await examiner.send(action: "no-such-action", [:])
        return await failure(of: reference, code: nil)
    }

    private func failure(of reference: Reference, code: String?) async -> String? {
        guard await examiner.wait(.seconds(10), until: { !$0.results(of: reference).isEmpty }) else {
            return because("no result came within 10 s")
        }
        let result = await examiner.results(of: reference).first?.message ?? .null
        guard result["status"] == "failure" else {
            return "found status \(result["status"] ?? .null); expected failure"
        }
        let fault = result["errors"]?[0]
        if let code, fault?["code"]?.stringValue != code {
            return "found the code \(fault?["code"] ?? .null); expected \(code)"
        }
        return fault?["retryable"]?.boolValue == true ? "it says that another attempt may help" : nil
    }

    private func rejectsGarbage() async -> String? {
        let start = ContinuousClock.now
        await examiner.add("this is no JSON")
        guard await examiner.wait(.seconds(10), until: { !$0.signals("rejected", since: start).isEmpty }) else {
            return because("no rejected came within 10 s")
        }
        await examiner.listen(for: .seconds(1))
        return await nothingIsLeft()
    }

    func registersAgain() async -> String? {
        let start = ContinuousClock.now
        await examiner.setKnows(false)
        let isAgain = await examiner.wait(.seconds(12), until: { !$0.signals("register", since: start).isEmpty })
        await examiner.setKnows(true)
        return isAgain ? nil : "no register came within 12 s"
    }

    private func survivesLoss() async -> String? {
        await examiner.flushAll()
        await examiner.listen(for: .seconds(1))
        let reference = await examiner.send([:])
        guard await examiner.wait(.seconds(20), until: { !$0.results(of: reference).isEmpty }) else {
            return because("no result came within 20 s")
        }
        return nil
    }

    private func isAtomic() async -> String? {
        await examiner.startTrace()
        let reference = await examiner.send([:])
        let isAnswered = await examiner.wait(.seconds(10)) { !$0.results(of: reference).isEmpty }
        await examiner.listen(for: .milliseconds(300))
        let trace = await examiner.endTrace()
        guard isAnswered else { return because("no result came within 10 s") }
        let prefix = await examiner.prefix
        let tasks = "\(prefix)agent:\(examiner.type):tasks"
        return RedisTrace.isAtomic(trace, results: "\(prefix)orchestrator:results", tasks: tasks)
            ? nil : "XADD, XACK and XDEL were not between one MULTI and its EXEC, nor in a script"
    }

    /// Fills its slots, puts more behind, and sees what it claims and what it does next.
    private func keepsSlots() async -> String? {
        // Every eighth look may begin with the least urgent; twice in a row is no accident.
        var trouble: String?
        var judged = 0
        for round in 1...4 where judged < 2 {
            let fill = await sendSleeping(slots, milliseconds: Int64(round) * 4000)
            guard await areBegun(fill) else { return because("it did not begin \(slots) tasks within 8 s") }
            let low = await sendSleeping(slots, milliseconds: 300, lane: "low")
            let critical = await sendSleeping(slots, milliseconds: 300, lane: "critical")
            await examiner.listen(for: .milliseconds(100))
            // On a machine that is too busy a slot may be free before all was sent: that says nothing about the order.
            var isFull = true
            for reference in fill where await !examiner.results(of: reference).isEmpty { isFull = false }
            var claimed = 0
            for _ in 1...3 {
                claimed = max(claimed, await examiner.leftovers().pending)
                await examiner.listen(for: .milliseconds(200))
            }
            let all = fill + low + critical
            guard
                await examiner.wait(.seconds(25), until: { heard in all.allSatisfy { !heard.results(of: $0).isEmpty } })
            else { return because("not all of \(all.count) tasks were answered within 25 s") }
            guard claimed <= slots else { return "it has \(slots) slots and had claimed \(claimed) tasks" }
            guard isFull else {
                trouble = trouble ?? "the machine is too busy to tell which it takes first; try again"
                continue
            }
            judged += 1
            let begun = { (references: [Reference]) async -> String in
                var times: [String] = []
                for reference in references {
                    times.append(
                        await self.examiner.results(of: reference).first?.message["started_at"]?.stringValue ?? "")
                }
                return times.min() ?? ""
            }
            let (urgent, patient) = (await begun(critical), await begun(low))
            if urgent <= patient { return nil }
            trouble = "a task of lane low began at \(patient), the first of lane critical at \(urgent)"
        }
        return trouble
    }

    func sendSleeping(_ count: Int, milliseconds: Int64, lane: String = "medium") async -> [Reference] {
        var references: [Reference] = []
        for _ in 0..<count {
            references.append(await examiner.send(["sleep_ms": .integer(milliseconds)], lane: lane))
        }
        return references
    }

    func areBegun(_ references: [Reference]) async -> Bool {
        await examiner.wait(.seconds(8)) { heard in references.allSatisfy { heard.hasBegun($0) } }
    }

    private func leavesWithdrawn() async -> String? {
        let reference = AgentExaminer.draw()
        await examiner.cancel(reference)
        await examiner.listen(for: .milliseconds(500))
        await examiner.send(["sleep_ms": 2000], as: reference)
        await examiner.listen(for: .seconds(3))
        let statuses = await examiner.results(of: reference).map { $0.message["status"] ?? .null }
        guard statuses.allSatisfy({ $0 == "cancelled" }) else { return "it came to \(statuses)" }
        let hasBegun = await examiner.hasBegun(reference)
        return hasBegun ? "it said that it had begun" : await nothingIsLeft()
    }

    private func endsInTime() async -> String? {
        let reference = await examiner.send(["sleep_ms": 30_000], timeoutMilliseconds: 1000)
        guard await examiner.wait(.seconds(7), until: { !$0.results(of: reference).isEmpty }) else {
            await examiner.cancel(reference)
            return because("no result came within 7 s, of which 1 was allowed")
        }
        let status = await examiner.results(of: reference).first?.message["status"] ?? .null
        return status == "failure" ? nil : "found status \(status); expected failure"
    }

    private func refusesLarge() async -> String? {
        let text = String(repeating: "x", count: 300 << 10)
        var deep: JSONValue = [:]
        for _ in 0..<80 { deep = ["a": deep] }
        for (what, payload) in [("of 300 KiB", ["output": ["text": .string(text)]]), ("80 deep", ["output": deep])]
            as [(String, JSONValue)]
        {
            let start = ContinuousClock.now
            let reference = await examiner.send(payload)
            let isAnswered = await examiner.wait(.seconds(10)) {
                !$0.results(of: reference).isEmpty || !$0.signals("rejected", since: start).isEmpty
            }
            guard isAnswered else { return because("\(what): neither a result nor a rejected came within 10 s") }
            let result = await examiner.results(of: reference).first?.message
            if let result, result["status"] != "failure" {
                return "\(what): found status \(result["status"] ?? .null); expected failure, or the signal rejected"
            }
            await examiner.listen(for: .milliseconds(300))
            if let trouble = await nothingIsLeft() { return "\(what): \(trouble)" }
        }
        return nil
    }

    private func ignoresUnknown() async -> String? {
        for text in ["", "no JSON", "[]", "7", "{\"kind\": 3}", "{\"kind\": \"later\", \"version\": \"2.9.0\"}"] {
            await examiner.say(text)
        }
        let reference = await examiner.send(
            ["output": ["a": 1]], changes: ["colour": "red", "later": ["more": [1, nil]], "answers": .null])
        guard await examiner.wait(.seconds(10), until: { !$0.results(of: reference).isEmpty }) else {
            return because("no result came within 10 s")
        }
        let status = await examiner.results(of: reference).first?.message["status"] ?? .null
        guard status == "success" else { return "found status \(status) for a noop; expected success" }
        // What ends an agent may reach it after the task.
        let done = ContinuousClock.now
        let process = process
        _ = await examiner.wait(.seconds(30)) {
            !$0.signals("heartbeat", since: done).isEmpty || process?.exitReason != nil
        }
        let isAlive = await !examiner.signals("heartbeat", since: done).isEmpty
        return isAlive ? nil : because("no heartbeat came within 30 s after messages that it doesn't know")
    }
}
