import Foundation
import Glibc
import JSONTools
import LocalStack

/// What came of looking at one rule.
struct RuleOutcome: Sendable {
    /// The rule, as a sentence.
    var rule: String
    /// Nil if it is kept, otherwise what was seen instead.
    var trouble: String?
}

/// The rules that an agent has to keep (docs/protocol, "What an agent does"), each tried on a running one.
struct AgentRules: Sendable {
    let examiner: AgentExaminer
    let process: DetachedProcess
    /// Called after each rule.
    let tell: @Sendable (RuleOutcome) -> Void

    /// Tries all of them, in an order in which each stands on those before.
    func all() async -> [RuleOutcome] {
        var outcomes: [RuleOutcome] = []
        func note(_ rule: String, _ trouble: String?) {
            let outcome = RuleOutcome(rule: rule, trouble: trouble)
            outcomes.append(outcome)
            tell(outcome)
        }
        let registration = await registers()
        note("it registers, with an id of its own", registration)
        guard registration == nil else { return outcomes }
        note("it sends a heartbeat every 5 s", await beats())
        note("it takes tasks from all four lanes, answers, and removes them", await works())
        note("it says that it has begun, and heartbeats go on while it works", await beatsWhileWorking())
        note("it stops within 5 s when it is told to", await stops(byVerdict: false))
        note("it stops within 5 s of the verdict stop", await stops(byVerdict: true))
        note("it keeps its result until that is settled, and says it again", await keepsResults())
        note("it answers an envelope that is not valid with INVALID_ENVELOPE", await refusesEnvelopes())
        note("it fails an action that it doesn't know, for good", await refusesActions())
        note("it rejects what it can't read, and removes it", await rejectsGarbage())
        note("it registers again when it isn't known", await registersAgain())
        note("it goes on after Redis has forgotten everything", await survivesLoss())
        note("on SIGTERM it ends what it has begun, says goodbye and exits with 0", await leaves())
        let garbage = await examiner.unreadable
        note("all that it says is JSON in the field envelope", garbage.first)
        return outcomes
    }

    // MARK: The rules; each gives what was seen instead, or nil

    private func registers() async -> String? {
        guard await examiner.wait(.seconds(20), until: { !$0.signals("register").isEmpty }) else {
            return "no register came within 20 s"
        }
        guard let message = await examiner.signals("register").first?.message else { return "no register came" }
        let type = examiner.type
        let id = message["agent_id"]?.stringValue ?? ""
        guard message["agent_type"]?.stringValue == type else {
            return "found agent_type \(message["agent_type"] ?? .null); expected \"\(type)\""
        }
        let digits = id.dropFirst(type.count + 1)
        guard id.hasPrefix(type + "-"), digits.count == 8,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return "found the id '\(id)'; expected \(type)- and 8 hex digits" }
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
        var sent: [AgentExaminer.Reference] = []
        for lane in ["low", "medium", "high", "critical"] {
            sent.append(await examiner.send(["output": ["lane": .string(lane)]], lane: lane))
        }
        for reference in sent {
            guard await examiner.wait(.seconds(15), until: { !$0.results(of: reference).isEmpty }) else {
                return "no result came for a noop within 15 s"
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

    private func nothingIsLeft() async -> String? {
        let (entries, pending) = await examiner.leftovers()
        return entries == 0 && pending == 0
            ? nil : "\(entries) entries are on the task streams, \(pending) of them claimed; expected none"
    }

    private func beatsWhileWorking() async -> String? {
        let start = ContinuousClock.now
        let reference = await examiner.send(["sleep_ms": 8000])
        guard
            await examiner.wait(.seconds(3), until: { $0.signals("started").contains { $0.reference == reference } })
        else { return "no started came within 3 s" }
        let isListed: @Sendable (AgentExaminer.Heard) -> Bool = { beat in
            (beat.message["running"]?.arrayValue ?? []).contains {
                AgentExaminer.Reference($0["ref"]) == reference
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
        let isHeld: @Sendable (AgentExaminer.Heard) -> Bool = { beat in
            (beat.message["held"]?.arrayValue ?? []).contains { AgentExaminer.Reference($0) == reference }
        }
        let held = await examiner.wait(
            .seconds(8), until: { $0.signals("heartbeat", since: start).contains(where: isHeld) })
        let again = await examiner.wait(.seconds(30), until: { $0.results(of: reference).count >= 2 })
        await examiner.setSettles(true)
        await examiner.listen(for: .seconds(7))
        let late = ContinuousClock.now
        let beat = await examiner.wait(.seconds(8), until: { !$0.signals("heartbeat", since: late).isEmpty })
        guard held else { return "no heartbeat listed it as held" }
        guard again else { return "it was not said again after three answers without it" }
        guard beat else { return "no heartbeat came" }
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

    private func failure(of reference: AgentExaminer.Reference, code: String?) async -> String? {
        guard await examiner.wait(.seconds(10), until: { !$0.results(of: reference).isEmpty }) else {
            return "no result came within 10 s"
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
            return process.exitReason == nil ? "no rejected came within 10 s" : "it has ended"
        }
        await examiner.listen(for: .seconds(1))
        return await nothingIsLeft()
    }

    private func registersAgain() async -> String? {
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
            return process.exitReason == nil ? "no result came within 20 s" : "it has ended"
        }
        return nil
    }

    private func leaves() async -> String? {
        let reference = await examiner.send(["sleep_ms": 3000])
        guard
            await examiner.wait(.seconds(7), until: { $0.hasBegun(reference) })
        else { return "neither started nor a heartbeat that lists it came within 7 s" }
        let start = ContinuousClock.now
        _ = process.identity.send(SIGTERM)
        let process = process
        guard await examiner.wait(.seconds(30), until: { _ in process.exitReason != nil }) else {
            _ = process.identity.sendToGroup(SIGKILL)
            return "it had not ended after 30 s"
        }
        await examiner.listen(for: .milliseconds(300))
        let result = await examiner.results(of: reference).first?.message["status"] ?? .null
        guard result == "success" else { return "what it had begun came to \(result); expected success" }
        guard await !examiner.signals("goodbye", since: start).isEmpty else { return "it did not say goodbye" }
        let reason = process.exitReason
        return reason == .exited(0) ? nil : "it ended with \(reason.map { "\($0)" } ?? "nothing")"
    }
}
