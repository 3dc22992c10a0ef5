/// What came of a run, as Markdown that can be pasted into `docs/reliability.md`.
struct ChaosReport {
    let plan: ChaosPlan
    let outcome: ChaosRun.Outcome

    var markdown: String {
        let command =
            "scripts/chaos --minutes \(plan.seconds / 60) --seed \(plan.seed) --orchestrators \(plan.orchestrators) "
            + "--load \(plan.load)"
        var lines = ["### Chaos: \(Int(plan.seconds)) s, seed \(plan.seed)", "", "To repeat: `\(command)`", ""]
        lines += table("what came of it", results)
        lines += table("what was done", sorted(outcome.faults))
        lines += table("request: answer", sorted(outcome.requests))
        let complaints =
            outcome.lost.map { "lost: \($0)" } + outcome.left.map { "left: \($0)" }
            + outcome.violations.prefix(50) + outcome.orphans.map { "orphan: \($0)" }
        if !complaints.isEmpty { lines += complaints.map { "- \($0)" } + [""] }
        lines.append(outcome.isSound ? "Nothing was lost, doubled, stuck or left." : "**NOT SOUND**")
        return lines.joined(separator: "\n") + "\n"
    }

    private var results: [(String, String)] {
        var rows = [("workflows accepted", "\(outcome.accepted)")]
        rows += sorted(outcome.ends).map { ("workflows \($0)", $1) }
        rows.append(("stages completed", "\(outcome.stages)"))
        rows += sorted(outcome.attempts).map { ("attempts \($0)", $1) }
        rows.append(("results set aside (late, stale, doubled)", "\(outcome.ignored)"))
        rows += sorted(outcome.deadLetters).map { ("dead letters: \($0)", $1) }
        rows += sorted(outcome.findings).map { ("watchdog: \($0)", $1) }
        rows += [
            ("deaths of processes", "\(outcome.deaths)"),
            ("from the last fault until everything had ended", seconds),
            ("**lost workflows**", "**\(outcome.lost.count)**"),
            ("**doubled, out of order or otherwise against the history's rules**", "**\(outcome.violations.count)**"),
            ("**left open**", "**\(outcome.left.count)**"),
            ("**orphan processes**", "**\(outcome.orphans.count)**"),
        ]
        return rows
    }

    private var seconds: String {
        let (seconds, attoseconds) = outcome.settled.components
        return "\(seconds).\(attoseconds / 100_000_000_000_000_000) s"
    }

    private func sorted(_ counts: [String: Int]) -> [(String, String)] {
        counts.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    }

    private func table(_ title: String, _ rows: [(String, String)]) -> [String] {
        ["| \(title) | |", "| --- | ---: |"] + rows.map { "| \($0.0) | \($0.1) |" } + [""]
    }
}
