import JSONTools

/// What `run` and `watch` show on a terminal, as a value: what was heard in, the lines of a frame out.
///
/// A frame has a line for each stage (mark, name, agent, time, one fact), what people are asked, what is waited for, the
/// last lines of the log, and how long it has taken. What doesn't fit gives way in this order: log, stages that wait,
/// stages that have ended.
struct LiveScreen: Sendable {
    /// Lines of the log that are shown when there is room.
    static let logLines = 8
    /// What lasts shorter is no waiting to a person.
    static let patienceMilliseconds: Int64 = 3000
    private static let spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    /// Columns of a time, such as `12 m 07 s`.
    private static let timeWidth = 9

    private(set) var workflow: WorkflowView
    private var log: [LogLine] = []
    private var lastFaults: [String: WorkflowView.Fault] = [:]
    /// Whether the server has answered lately.
    var isServerSilent = false

    init(_ workflow: WorkflowView) {
        self.workflow = workflow
        take(workflow)
    }

    /// Takes the newest state of the workflow.
    mutating func take(_ workflow: WorkflowView) {
        self.workflow = workflow
        for stage in workflow.stages { if let fault = stage.fault { lastFaults[stage.key] = fault } }
    }

    /// Takes the next line of the log.
    mutating func take(_ line: LogLine) {
        log.append(line)
        if log.count > Self.logLines { log.removeFirst() }
    }

    /// What to show while it runs: at most one line less than the terminal has, each at most one column less.
    func frame(width: Int, height: Int, now: Timestamp) -> [StyledLine] {
        let room = max(height - 1, 1)
        var below = questionLines() + waitLines(now: now)
        below.append(footer(now: now))
        // The heading and one stage stay, whatever is asked.
        below = Array(below.suffix(max(room - 2, 1)))
        let stageRoom = max(room - 1 - below.count, 0)
        let stages = stageLines(room: stageRoom, width: width, now: now)
        let left = stageRoom - stages.count
        // An empty line sets the log apart; a single line of log would only flicker.
        let logRoom = left >= 3 ? min(left - 1, log.count) : 0
        let tail = logRoom > 0 ? [StyledLine()] + log.suffix(logRoom).map(logLine) : []
        return ([heading] + stages + tail + below).prefix(room).map { $0.cut(to: max(width - 1, 1)) }
    }

    /// What stays when it has ended, or when nobody watches any more: the heading and every stage that was begun.
    func lastFrame(width: Int, now: Timestamp) -> [StyledLine] {
        let shape = columns(width: width)
        let rows = workflow.stages.filter { !workflow.hasEnded || $0.hasEnded }.map { row($0, shape, now: now) }
        return ([heading] + rows).map { $0.cut(to: max(width - 1, 1)) }
    }

    // MARK: Lines

    private var heading: StyledLine {
        var line = StyledLine(workflow.name, .bold)
        let count = workflow.stages.count
        line.append("  \(workflow.type), \(count) stage\(count == 1 ? "" : "s")  ")
        line.append(workflow.id, .dim)
        return line
    }

    private func stageLines(room: Int, width: Int, now: Timestamp) -> [StyledLine] {
        let shape = columns(width: width)
        let stages = workflow.stages
        guard stages.count > room else { return stages.map { row($0, shape, now: now) } }
        guard room > 2 else {
            let working = stages.filter { !$0.hasEnded }
            return working.prefix(room).map { row($0, shape, now: now) }
        }
        // A window that begins with the last stage before those that have not ended, or ends with the last of all.
        let first = stages.firstIndex { !$0.hasEnded } ?? stages.count
        var start = min(first - 1, stages.count - (room - 1))
        // The line above the window stands for at least two stages.
        if start < 2 { start = 0 }
        let hasAbove = start > 0
        var end = start + room - (hasAbove ? 1 : 0)
        if end < stages.count { end -= 1 }
        var lines = stages[start..<end].map { row($0, shape, now: now) }
        if hasAbove { lines.insert(StyledLine("  ✔ \(start) more above, \(ended(stages[..<start]))", .dim), at: 0) }
        if end < stages.count {
            let running = stages[end...].count { $0.status == "running" }
            let note = running > 0 ? ", \(running) of them running" : ""
            lines.append(StyledLine("  · \(stages.count - end) more below\(note)", .dim))
        }
        return lines
    }

    private func ended(_ stages: ArraySlice<WorkflowView.Stage>) -> String {
        let failed = stages.count { $0.status == "failed" }
        return failed > 0 ? "\(failed) of them failed" : "all ended"
    }

    /// Which columns there are, and how wide.
    private struct Shape {
        var name: Int
        /// Nil where there is no room for it.
        var agent: Int?
        var hasTime: Bool
    }

    private func columns(width: Int) -> Shape {
        let name = max(workflow.stages.map { DisplayWidth.of($0.name) }.max() ?? 0, 12)
        let agent = max(workflow.stages.map { DisplayWidth.of($0.agent) }.max() ?? 0, 8)
        // Four columns for indentation and mark, two between columns.
        let withTime = 4 + name + 2 + Self.timeWidth
        if withTime + 2 + agent < width { return Shape(name: name, agent: agent, hasTime: true) }
        if withTime < width { return Shape(name: name, agent: nil, hasTime: true) }
        let short = width - 1 - 4 - 2 - Self.timeWidth
        return short >= 8
            ? Shape(name: short, agent: nil, hasTime: true)
            : Shape(name: max(width - 5, 1), agent: nil, hasTime: false)
    }

    private func row(_ stage: WorkflowView.Stage, _ shape: Shape, now: Timestamp) -> StyledLine {
        let (mark, colour) = mark(of: stage, now: now)
        var line = StyledLine("  ")
        line.append(mark, colour)
        let name = Formatting.pad(Formatting.cut(stage.name, to: shape.name), to: shape.name)
        line.append(" " + name, stage.status == "pending" ? .dim : nil)
        if let agent = shape.agent {
            line.append("  " + Formatting.pad(stage.agent, to: agent), stage.status == "pending" ? .dim : nil)
        }
        guard shape.hasTime else { return line }
        let time = time(of: stage, now: now)
        line.append("  " + String(repeating: " ", count: max(Self.timeWidth - time.count, 0)) + time)
        let (fact, factColour) = fact(of: stage)
        if !fact.isEmpty { line.append("  " + fact, factColour) }
        return line
    }

    private func mark(of stage: WorkflowView.Stage, now: Timestamp) -> (String, Terminal.Colour) {
        switch stage.status {
        case "completed": ("✔", .green)
        case "failed": ("✘", .red)
        case "skipped": ("–", .yellow)
        case "cancelled": ("■", .yellow)
        case "awaiting_answers": ("?", .yellow)
        case "running":
            (workflow.hasEnded ? "·" : Self.spinner[Int(now.milliseconds / 200 % 10)], .blue)
        default: ("·", .dim)
        }
    }

    private func time(of stage: WorkflowView.Stage, now: Timestamp) -> String {
        if let took = stage.milliseconds { return Formatting.duration(milliseconds: took) }
        guard stage.status == "running" || stage.status == "awaiting_answers", let since = stage.startedAt else {
            return ""
        }
        let elapsed = now.milliseconds - since.milliseconds
        return elapsed < 1000 ? "" : Self.clock(elapsed)
    }

    /// A time that goes on: without tenths of seconds, which would only flicker.
    private static func clock(_ milliseconds: Int64) -> String {
        milliseconds < 60_000 ? "\(max(milliseconds, 0) / 1000) s" : Formatting.duration(milliseconds: milliseconds)
    }

    private func fact(of stage: WorkflowView.Stage) -> (String, Terminal.Colour?) {
        if stage.status == "failed" || stage.status == "cancelled" || stage.status == "skipped" {
            return (stage.fault?.text ?? stage.summary ?? stage.status, stage.status == "failed" ? .red : .dim)
        }
        let again = stage.attempt > 1 ? "attempt \(stage.attempt)" : ""
        if stage.status == "running" {
            let cause = again.isEmpty ? "" : lastFaults[stage.key].map { " after \($0.text)" } ?? ""
            return (again + cause, .yellow)
        }
        return ([stage.summary ?? "", again].filter { !$0.isEmpty }.joined(separator: ", "), .dim)
    }

    private func questionLines() -> [StyledLine] {
        var lines: [StyledLine] = []
        for stage in workflow.stages where !workflow.hasEnded {
            let questions = workflow.questions.filter { $0.stage == stage.name }
            guard !questions.isEmpty else { continue }
            lines.append(StyledLine("  ? \(stage.name) asks:", .yellow))
            lines += questions.map { StyledLine("      \($0.line)") }
            lines.append(StyledLine("    answer: `\(workflow.answerCommand(for: questions))`", .yellow))
        }
        return lines
    }

    private func waitLines(now: Timestamp) -> [StyledLine] {
        if isServerSilent { return [StyledLine("  … the server does not answer", .yellow)] }
        if workflow.status == "paused" {
            return [StyledLine("  ‖ paused; `\(CommandName.current) resume \(workflow.id)` goes on", .yellow)]
        }
        guard let wait = workflow.wait, !wait.isWork, wait.kind != "answers", let since = wait.since,
            now.milliseconds - since.milliseconds >= Self.patienceMilliseconds
        else { return [] }
        return [StyledLine("  … waiting for \(wait.sentence(now: now))", .yellow)]
    }

    private func logLine(_ line: LogLine) -> StyledLine {
        let colour: Terminal.Colour =
            switch line.level {
            case "error", "critical": .red
            case "warning": .yellow
            default: .dim
            }
        var styled = StyledLine("  │ ", .dim)
        styled.append("\(line.stage)  ", .dim)
        styled.append(line.text, colour)
        return styled
    }

    private func footer(now: Timestamp) -> StyledLine {
        let done = workflow.stages.count { $0.hasEnded }
        let begun = workflow.createdAt.flatMap(Timestamp.init(rfc3339:)) ?? now
        let time = Self.clock(now.milliseconds - begun.milliseconds)
        let text = "  \(done) of \(workflow.stages.count) stages, \(time); Ctrl-C leaves it running"
        return StyledLine(text, .dim)
    }
}

extension WorkflowView.Stage {
    /// Tells a stage from itself when it runs again.
    fileprivate var key: String { "\(name)#\(generation)" }
}
