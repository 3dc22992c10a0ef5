import JSONTools

/// What `run` and `watch` print, as a value: workflows in, lines out.
///
/// A line a stage when it has ended (mark, stage, agent, duration, one fact), a line for every further attempt, and on
/// a terminal a live line for what takes longer than three seconds.
struct RunScreen: Sendable {
    /// What takes longer shows its name and elapsed time.
    static let patience = Duration.seconds(3)

    let terminal: Terminal
    private var printed: Set<String> = []
    private var attempts: [String: Int] = [:]
    private var lastFaults: [String: WorkflowView.Fault] = [:]
    private var running: (name: String, agent: String, since: ContinuousClock.Instant)?
    private var waiting: (wait: WorkflowView.Wait, since: ContinuousClock.Instant, isTold: Bool)?
    private var asked: Set<String> = []
    private var isPaused = false

    init(terminal: Terminal) { self.terminal = terminal }

    /// The line above all others.
    func heading(_ workflow: WorkflowView) -> String {
        let title = terminal.paint(workflow.name, .bold)
        let stages = "\(workflow.stages.count) stage\(workflow.stages.count == 1 ? "" : "s")"
        return "\(title)  \(workflow.type), \(stages)  \(terminal.paint(workflow.id, .dim))"
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
                lines.append(terminal.paint("  ↻ \(stage.name): attempt \(stage.attempt)\(cause)", .yellow))
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
            lines.append(terminal.paint("  ? \(stage.name) asks:", .yellow))
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
        guard isPaused else { return [terminal.paint("  ▸ resumed", .yellow)] }
        return [
            terminal.paint("  ‖ paused; `\(CommandName.current) resume \(workflow.id)` goes on", .yellow)
        ]
    }

    /// What happens now and has taken longer than people like to wait without a word; nil if there is nothing to say.
    func liveLine(now: ContinuousClock.Instant) -> String? {
        if let waiting, now - waiting.since >= Self.patience {
            return "  … waiting for \(waiting.wait.what), \(Formatting.duration(now - waiting.since))"
        }
        guard let running, now - running.since >= Self.patience else { return nil }
        return "  … \(running.name) (\(running.agent) agent), \(Formatting.duration(now - running.since))"
    }

    /// Where there is no live line, what the workflow waits for is told once.
    mutating func waitingLine(now: ContinuousClock.Instant) -> String? {
        guard !terminal.isInteractive, let waiting, !waiting.isTold, now - waiting.since >= Self.patience else {
            return nil
        }
        self.waiting?.isTold = true
        return "  … waiting for \(waiting.wait.what)" + (waiting.wait.help.isEmpty ? "" : ": \(waiting.wait.help)")
    }

    private mutating func note(_ workflow: WorkflowView, now: ContinuousClock.Instant) {
        let stages = workflow.stages.filter { $0.status == "running" }
        if !stages.isEmpty, !workflow.hasEnded {
            let names = stages.map(\.name).joined(separator: ", ")
            let agents = Set(stages.map(\.agent)).sorted().joined(separator: ", ")
            if running?.name != names { running = (names, agents, now) }
        } else {
            running = nil
        }
        // Of a pause and of questions there is a line already.
        if let wait = workflow.wait, !wait.isWork, !["resume", "answers"].contains(wait.kind), !workflow.hasEnded {
            if waiting?.wait.what != wait.what { waiting = (wait, now, false) }
        } else {
            waiting = nil
        }
    }

    private func line(of stage: WorkflowView.Stage, nameWidth: Int, agentWidth: Int) -> String {
        let (mark, colour): (String, Terminal.Colour) =
            switch stage.status {
            case "completed": ("✔", .green)
            case "failed": ("✘", .red)
            case "skipped": ("–", .yellow)
            default: ("■", .yellow)
            }
        let duration = stage.milliseconds.map { Formatting.duration(milliseconds: $0) } ?? ""
        var fact = stage.summary ?? ""
        if stage.status != "completed" { fact = stage.fault?.text ?? (fact.isEmpty ? stage.status : fact) }
        let cells = [
            Formatting.pad(stage.name, to: nameWidth), Formatting.pad(stage.agent, to: agentWidth),
            String(repeating: " ", count: max(8 - duration.count, 0)) + duration,
        ]
        let text = "  \(terminal.paint(mark, colour)) \(cells.joined(separator: "  "))"
        // 6 for indentation and mark, 2 before the fact; on a terminal a fact never breaks the column.
        let used = 6 + cells.joined(separator: "  ").count
        let room = terminal.isInteractive ? max(terminal.width - used - 1, 20) : 300
        return fact.isEmpty ? text : "\(text)  \(terminal.paint(Formatting.cut(fact, to: room), .dim))"
    }
}
