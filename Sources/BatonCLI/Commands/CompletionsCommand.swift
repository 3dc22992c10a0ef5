import ArgumentParser
import JSONTools

/// `baton completions`.
struct CompletionsCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print the completions of a shell: bash, zsh or fish.",
        discussion: """
            bash: baton completions bash >~/.local/share/bash-completion/completions/baton. zsh: baton completions zsh \
            >DIRECTORY/_baton, where DIRECTORY is one of fpath. fish: baton completions fish \
            >~/.config/fish/completions/baton.fish.
            """)

    @Argument(help: "The shell: bash, zsh or fish.")
    var shell: String

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let shells = CompletionShell.allCases.map(\.rawValue)
        guard let known = CompletionShell(rawValue: shell) else {
            throw CommandError(
                .usage, "there are no completions for \(shell); there are for \(shells.joined(separator: ", "))",
                hint: "`\(CommandName.current) completions \(closestMatch(shell, in: shells) ?? "bash")`")
        }
        let script = BatonCommand.completionScript(for: known)
        if options.json {
            Output.line(JSONValue.object(["shell": .string(shell), "script": .string(script)]).prettyPrinted())
        } else {
            Output.line(script)
        }
        return .ok
    }
}
