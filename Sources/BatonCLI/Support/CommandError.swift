/// The exit statuses of `baton`: what scripts may rely on. The numbers from 64 on are those of sysexits(3).
enum ExitStatus: Int32, Sendable, CaseIterable {
    /// It did what was asked; for `run` and `watch`: the workflow completed.
    case ok = 0
    /// `run` and `watch`: the workflow failed.
    case failed = 1
    /// `run` and `watch`: the workflow was cancelled.
    case cancelled = 2
    /// The command line was wrong.
    case usage = 64
    /// What was sent is wrong: a bad field, a bad file.
    case dataError = 65
    /// What was named doesn't exist: a workflow, a file, an app.
    case notFound = 66
    /// The stack is down, or a program that is needed is missing.
    case unavailable = 69
    /// A fault of Baton itself.
    case software = 70
    /// It can't be done now, but perhaps later: too many requests, a server that is away, no answer in time.
    case temporary = 75
    /// The state of what was named doesn't allow it: a workflow that has ended can't be cancelled.
    case conflict = 76
    /// The token is missing or isn't allowed to do this.
    case noPermission = 77
    /// Ctrl-C.
    case interrupted = 130

    /// The list in the help of `baton`.
    static let help = """
        Exit status: 0 done (run, watch: completed), 1 failed, 2 cancelled, 64 wrong command line, 65 wrong data, \
        66 not found, 69 stack down or program missing, 70 internal fault, 75 try again later, 76 its state doesn't \
        allow it, 77 not allowed, 130 interrupted.
        """
}

/// An error for the person at the terminal: what happened, and the next command to try.
struct CommandError: Error, Sendable, Hashable {
    var status: ExitStatus
    var message: String
    /// More lines: each fault of a document, the end of a log.
    var details: [String] = []
    /// What to do next.
    var hint: String?

    init(_ status: ExitStatus, _ message: String, details: [String] = [], hint: String? = nil) {
        self.status = status
        self.message = message
        self.details = details
        self.hint = hint
    }
}
