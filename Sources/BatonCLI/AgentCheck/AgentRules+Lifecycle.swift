import Glibc
import JSONTools
import LocalStack

// MARK: How an agent comes, goes and finds its way back

extension AgentRules {
    func drains() async -> String? {
        let start = ContinuousClock.now
        await examiner.setDrains(true)
        _ = await examiner.wait(.seconds(8)) { !$0.signals("heartbeat", since: start).isEmpty }
        await examiner.listen(for: .milliseconds(700))
        // What it had asked for before it heard of the drain it may do.
        await examiner.send([:])
        await examiner.listen(for: .seconds(1))
        let reference = await examiner.send([:])
        let isTaken = await examiner.wait(.seconds(3)) { !$0.results(of: reference).isEmpty }
        await examiner.setDrains(false)
        if isTaken { return "it did a task that was sent while it was drained" }
        guard await examiner.wait(.seconds(15), until: { !$0.results(of: reference).isEmpty }) else {
            return because("no result came within 15 s after the drain had ended")
        }
        return nil
    }

    func reconnects() async -> String? {
        guard let id = await examiner.signals("register").last?.message["agent_id"]?.stringValue else { return "no id" }
        // It must not take the task itself: all its slots are busy.
        let fill = await sendSleeping(slots, milliseconds: 4000)
        guard await areBegun(fill) else { return because("it did not begin \(slots) tasks within 8 s") }
        let lost = await examiner.send([:])
        guard await examiner.claim(for: id) == 1 else { return "it claimed a task that it had no slot for" }
        await examiner.disconnect()
        guard await examiner.wait(.seconds(20), until: { !$0.results(of: lost).isEmpty }) else {
            return because("no result came within 20 s for what was delivered and never arrived")
        }
        let isAnswered = await examiner.wait(.seconds(15)) { heard in fill.allSatisfy { !heard.results(of: $0).isEmpty }
        }
        guard isAnswered else { return because("what ran when the connection broke was not answered") }
        await examiner.listen(for: .milliseconds(500))
        for reference in fill + [lost] {
            let begun = Set(await examiner.results(of: reference).compactMap { $0.message["started_at"]?.stringValue })
            if begun.count > 1 { return "one attempt was done \(begun.count) times" }
        }
        return await nothingIsLeft()
    }

    func keepsForm() async -> String? {
        if let text = await examiner.unreadable.first { return text }
        for heard in await examiner.signals + examiner.results + examiner.logs {
            let message = heard.message
            guard message["version"]?.stringValue?.hasPrefix("2.") == true else {
                return "found the version \(message["version"] ?? .null) in \(Formatting.cut("\(message)", to: 200))"
            }
        }
        var last: [Reference: Int] = [:]
        for batch in await examiner.logs {
            guard batch.kind == "log", let reference = batch.reference, batch.message["workflow_id"] != nil else {
                return "a log batch lacks kind, ref or workflow_id"
            }
            for line in batch.message["lines"]?.arrayValue ?? [] {
                let number = line["n"]?.intValue ?? 0
                guard number > last[reference] ?? 0, line["text"]?.stringValue != nil, line["at"]?.stringValue != nil
                else {
                    return "the line \(line) of a log has no text, no time, or no number above the one before"
                }
                last[reference] = number
            }
        }
        return nil
    }

    /// Begun tasks are ended, others left to others.
    func leaves() async -> String? {
        let begun = await sendSleeping(slots, milliseconds: 3000)
        guard await areBegun(begun) else { return because("it did not begin \(slots) tasks within 8 s") }
        let rest = await sendSleeping(3, milliseconds: 0)
        let start = ContinuousClock.now
        _ = process?.identity.send(SIGTERM)
        if let trouble = await ends(within: .seconds(30)) { return trouble }
        for reference in begun {
            let result = await examiner.results(of: reference).first?.message["status"] ?? .null
            guard result == "success" else { return "what it had begun came to \(result); expected success" }
        }
        guard await !examiner.signals("goodbye", since: start).isEmpty else { return "it did not say goodbye" }
        var done = 0
        for reference in rest { if await !examiner.results(of: reference).isEmpty { done += 1 } }
        let (entries, pending) = await examiner.leftovers()
        guard pending == 0, entries + done == rest.count else {
            return "of \(rest.count) tasks that it had not begun \(entries) are left, \(pending) of them claimed by it"
        }
        let reason = process?.exitReason
        return reason == .exited(0) ? nil : "it ended with \(reason.map { "\($0)" } ?? "nothing")"
    }

    func ends(within time: Duration) async -> String? {
        let process = process
        guard await examiner.wait(time, until: { _ in process?.exitReason != nil }) else {
            await end()
            return "it had not ended after \(Formatting.duration(time))"
        }
        await examiner.listen(for: .milliseconds(300))
        return nil
    }

    func restarts() async -> String? {
        await end()
        await examiner.flushAll()
        var early: Reference?
        let trouble = await start { early = await $0.send([:]) }
        if let trouble = trouble { return trouble }
        if let trouble = await registers() { return trouble }
        let id = await examiner.signals("register").first?.message["agent_id"]?.stringValue ?? ""
        guard id != firstID else { return "it has the id \(id) again" }
        guard let early, await examiner.wait(.seconds(10), until: { !$0.results(of: early).isEmpty }) else {
            return because("no result came within 10 s for a task that was sent before it started")
        }
        return nil
    }

    func keepsNamespace() async -> String? {
        await end()
        await examiner.flushAll()
        if let trouble = await start(namespace: "check") { return trouble }
        var trouble = await registers()
        if trouble == nil {
            let reference = await examiner.send([:])
            if await !examiner.wait(.seconds(10), until: { !$0.results(of: reference).isEmpty }) {
                trouble = because("no result came within 10 s")
            }
        }
        // The rules after this one are tried without.
        await end()
        await examiner.flushAll()
        let next = await begin()
        return trouble ?? next
    }

    func abandons() async -> String? {
        let reference = await examiner.send(["sleep_ms": 50_000])
        guard await areBegun([reference]) else { return because("it did not begin a task within 8 s") }
        let start = ContinuousClock.now
        _ = process?.identity.send(SIGTERM)
        if let trouble = await ends(within: .seconds(32)) { return trouble }
        let took = ContinuousClock.now - start
        guard let goodbye = await examiner.signals("goodbye", since: start).first else {
            return "it did not say goodbye"
        }
        let abandoned = (goodbye.message["abandoned"]?.arrayValue ?? []).compactMap { Reference($0) }
        guard abandoned.contains(reference) else { return "its goodbye does not list what it abandoned" }
        return took >= .seconds(20) ? nil : "it gave its work \(Formatting.duration(took)); expected 25 s"
    }
}
