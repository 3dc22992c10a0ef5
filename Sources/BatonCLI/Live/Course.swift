import Glibc
import JSONTools

/// Where the course of a workflow is shown.
protocol Course {
    /// Takes the newest state.
    mutating func take(_ workflow: WorkflowView)
    /// Takes the next line of the log.
    mutating func take(_ line: LogLine)
    /// Shows what there is to show now.
    ///
    /// - Parameter isServerSilent: whether the server has not answered for a while.
    mutating func show(isServerSilent: Bool)
    /// Gives the terminal back for now: the process is about to be stopped.
    mutating func suspend()
    /// Shows the last state, and gives the terminal back.
    mutating func end()
}

/// Shows nothing, for `--json`.
struct SilentCourse: Course {
    mutating func take(_ workflow: WorkflowView) {}
    mutating func take(_ line: LogLine) {}
    mutating func show(isServerSilent: Bool) {}
    mutating func suspend() {}
    mutating func end() {}
}

/// Lines one after the other: for files, pipes, and terminals that can't move the cursor.
struct PlainCourse: Course {
    private var screen = RunScreen()

    init(_ workflow: WorkflowView) { Output.line(screen.heading(workflow)) }

    mutating func take(_ workflow: WorkflowView) {
        for line in screen.update(workflow, now: .now) { Output.line(line) }
    }

    mutating func take(_ line: LogLine) {}

    mutating func show(isServerSilent: Bool) {
        if let line = screen.waitingLine(now: .now) { Output.line(line) }
    }

    mutating func suspend() {}
    mutating func end() {}
}

/// A frame that is drawn over itself.
struct LiveCourse: Course {
    private let terminal: Terminal
    private var screen: LiveScreen
    private var painter: FramePainter

    init(_ workflow: WorkflowView, on terminal: Terminal) {
        self.terminal = terminal
        screen = LiveScreen(workflow)
        painter = FramePainter(terminal)
    }

    mutating func take(_ workflow: WorkflowView) { screen.take(workflow) }
    mutating func take(_ line: LogLine) { screen.take(line) }

    mutating func show(isServerSilent: Bool) {
        // A job in the background leaves the terminal to the one in front.
        let front = tcgetpgrp(STDOUT_FILENO)
        guard front < 0 || front == getpgrp() else { return }
        screen.isServerSilent = isServerSilent
        // The size is asked for each time: it may have changed.
        let size = Terminal.current()
        let frame = screen.frame(width: size.width, height: size.height, now: .now())
        write(painter.draw(frame, width: size.width, height: size.height))
    }

    mutating func suspend() { write(painter.release()) }

    mutating func end() {
        let size = Terminal.current()
        write(painter.finish(screen.lastFrame(width: size.width, now: .now()), width: size.width))
    }

    private func write(_ text: String) { if !text.isEmpty { Output.raw(text) } }
}
