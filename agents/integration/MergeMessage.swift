/// The message of a commit that brings work into a branch, with trailers by which it is found again.
///
/// An attempt that was cut off after its push is repeated; the repetition finds the commit by these trailers and knows
/// that it has nothing more to publish.
struct MergeMessage: Sendable, Hashable {
    /// The task that made it; stable over attempts.
    var taskID: String
    /// The commit that was integrated.
    var source: String

    private var trailers: String { "Baton-Task: \(taskID)\nBaton-Source: \(source)" }

    /// A whole message.
    func text(subject: String) -> String { "\(subject)\n\n\(trailers)\n" }

    /// The message of a commit that was there before, with the trailers added.
    func appended(to message: String) -> String {
        var message = message
        while message.last?.isNewline == true { message.removeLast() }
        return "\(message)\n\n\(trailers)\n"
    }

    /// Arguments of `git log` that print the newest commit of `branch` with these trailers, or nothing.
    func search(in branch: String) -> [String] {
        [
            "log", "-n", "1", "--format=%H", "--all-match", "--grep=^Baton-Task: \(taskID)$",
            "--grep=^Baton-Source: \(source)$", branch,
        ]
    }
}
