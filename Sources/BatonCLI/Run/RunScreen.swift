import JSONTools

/// What `run` and `watch` print where there is no terminal, as a value: workflows in, lines out.
///
/// A line a stage when it has ended (mark, stage, agent, duration, one fact), a line for every further attempt, and one
/// for what is waited for longer than three seconds.
struct RunScreen: Sendable {
    /// What lasts shorter is no waiting to a person.
    static let patience = LiveLine.patience

    private var printed: Set<String> = []
    private var attempts: [String: Int] = [:]
    private var lastFaults: [String: WorkflowView.Fault] = [:]
    private var waiting: (wait: WorkflowView.Wait, since: ContinuousClock.Instant, isTold: Bool)?
    private var asked: Set<String> = []
    private var isPaused = false

    /// The line above all others.
    func heading(_ workflow: WorkflowView) -> String {
        let stages = "\(workflow.stages.count) stage\(workflow.stages.count == 1 ? "" : "s")"
        return "\(workflow.name)  \(workflow.type), \(stages)  \(workflow.id)"
    }

    /// Takes the newest state of the workflow.
    ///
    /// - Returns: the lines to print now.
    mutating func update(_ workflow: WorkflowView, now: ContinuousClock.Instant) -> [String] {
        var lines: [String] = []
        let nameWidth = max(workflow.stages.map(\.name.count).max() ?? 0, 12)
        let agentWidth = max(workflow.stages.map(\.agent.count).max() ?? 0, 8)
        for stage in workflow.stages {
            let key = "\(stage.name)#\(stage.generation)"
            if stage.attempt > max(attempts[key] ?? 1, 1) {
                let cause = (lastFaults[key] ?? stage.fault).map { " after \($0.text)" } ?? ""
                lines.append("  ↻ \(stage.name): attempt \(stage.attempt)\(cause)")
            }
            attempts[key] = max(attempts[key] ?? 0, stage.attempt)
            if let fault = stage.fault { lastFaults[key] = fault }
            if stage.hasEnded && printed.insert(key).inserted {
                lines.append(line(of: stage, nameWidth: nameWidth, agentWidth: agentWidth))
            }
        }
        lines += questionLines(workflow)
        lines += pauseLines(workflow)
        note(workflow, now: now)
        return lines
    }

    /// Each round of questions once, with how to answer it.
    private mutating func questionLines(_ workflow: WorkflowView) -> [String] {
        var lines: [String] = []
        for stage in workflow.stages {
            let questions = workflow.questions.filter { $0.stage == stage.name }
            let key = "\(stage.name)#\(stage.generation)#\(questions.first?.round ?? 0)"
            guard !questions.isEmpty, !workflow.hasEnded, asked.insert(key).inserted else { continue }
            lines.append("  ? \(stage.name) asks:")
            lines += questions.map { "      \($0.line)" }
            lines.append("    answer: `\(workflow.answerCommand(for: questions))`")
        }
        return lines
    }

    /// That it was paused, and that it goes on.
    private mutating func pauseLines(_ workflow: WorkflowView) -> [String] {
        let wasPaused = isPaused
        isPaused = workflow.status == "paused"
        guard isPaused != wasPaused, !workflow.hasEnded else { return [] }
        guard isPaused else { return ["  ▸ resumed"] }
        return ["  ‖ paused; `\(CommandName.current) resume \(workflow.id)` goes on"]
    }

    /// What the workflow waits for, told once.
    mutating func waitingLine(now: ContinuousClock.Instant) -> String? {
        guard let waiting, !waiting.isTold, now - waiting.since >= Self.patience else { return nil }
        self.waiting?.isTold = true
        return "  … waiting for \(waiting.wait.what)" + (waiting.wait.help.isEmpty ? "" : ": \(waiting.wait.help)")
    }

    private mutating func note(_ workflow: WorkflowView, now: ContinuousClock.Instant) {
        // Of a pause and of questions there is a line already.
        if let wait = workflow.wait, !wait.isWork, !["resume", "answers"].contains(wait.kind), !workflow.hasEnded {
            if waiting?.wait.what != wait.what { waiting = (wait, now, false) }
        } else {
            waiting = nil
        }
    }

    private func line(of stage: WorkflowView.Stage, nameWidth: Int, agentWidth: Int) -> String {
        let mark =
            switch stage.status {
            case "completed": "✔"
            case "failed": "✘"
            case "skipped": "–"
            default: "■"
            }
        let duration = stage.milliseconds.map { Formatting.duration(milliseconds: $0) } ?? ""
        var fact = stage.summary ?? ""
        if stage.status != "completed" { fact = stage.fault?.text ?? (fact.isEmpty ? stage.status : fact) }
        let cells = [
            Formatting.pad(stage.name, to: nameWidth), Formatting.pad(stage.agent, to: agentWidth),
            String(repeating: " ", count: max(8 - duration.count, 0)) + duration,
        ]
        let text = "  \(mark) \(cells.joined(separator: "  "))"
        return fact.isEmpty ? text : "\(text)  \(Formatting.cut(fact, to: 300))"
    }
}
