import ArgumentParser
import Foundation
import JSONTools

/// `baton token`.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make, list and revoke access tokens; takes an admin's token.",
        subcommands: [TokenListCommand.self, TokenCreateCommand.self, TokenRevokeCommand.self],
        defaultSubcommand: TokenListCommand.self)
}

/// `baton token list`.
struct TokenListCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the tokens, the newest first; never their secrets.")

    @Flag(name: .long, help: "Also those that were revoked or have expired.")
    var all = false

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let page = try await options.client().list("/tokens")
        if options.json {
            Output.line(page.document.prettyPrinted())
            return .ok
        }
        let now = Timestamp.now()
        let rows = page.items.compactMap { token -> [String]? in
            let end = token["expires_at"]?.stringValue.flatMap(Timestamp.init(rfc3339:))
            let isRevoked = token["revoked_at"]?.stringValue != nil
            let state = isRevoked ? "revoked" : (end.map { $0 <= now } ?? false) ? "expired" : "valid"
            guard all || state == "valid" else { return nil }
            let workers = token["workers"]?.arrayValue.map { $0.compactMap(\.stringValue).joined(separator: ", ") }
            return [
                token["id"]?.stringValue ?? "", token["name"]?.stringValue ?? "", token["role"]?.stringValue ?? "",
                state, end.map { "\($0)" } ?? "never", workers ?? "any", token["created_by"]?.stringValue ?? "",
                Formatting.age(token["created_at"]?.stringValue, now: now),
            ].map(Formatting.clean)
        }
        for line in Formatting.table(["ID", "NAME", "ROLE", "STATE", "EXPIRES", "WORKERS", "BY", "MADE"], rows) {
            Output.line(line)
        }
        return .ok
    }
}

/// `baton token create`.
struct TokenCreateCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a token and print it: it is shown only now.",
        discussion: """
            Roles: viewer looks; approver also answers questions; operator also creates and changes workflows; admin may \
            do everything; agent fetches files. The token goes to standard output, all else to standard error.
            """)

    @Argument(help: "Its name, which stands in the trail of what it does.")
    var name: String

    @Option(name: .long, help: "What it may do: viewer, approver, operator, admin or agent.")
    var role: String

    @Option(name: .long, help: "For how many days it is valid; for ever if left out.")
    var days: Int?

    @Option(
        name: .long, help: "A name that programs may give themselves in X-Worker-ID, several times; any if left out.")
    var worker: [String] = []

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let days, !(1...36_500).contains(days) { throw ValidationError("--days takes 1 to 36500.") }
    }

    func perform() async throws(CommandError) -> ExitStatus {
        var body: JSONObject = ["name": .string(name), "role": .string(role)]
        if let days { body["expires_at"] = .string("\(Timestamp.now() + .seconds(days * 86_400))") }
        if !worker.isEmpty { body["workers"] = .array(worker.map { .string($0) }) }
        let made = try await options.client().post("/tokens", .object(body))
        if options.json {
            Output.line(made.prettyPrinted())
            return .ok
        }
        Output.line(made["token"]?.stringValue ?? "")
        Output.error("\(name) may act as \(role). Keep the token: it is not shown again.")
        let command = CommandName.current
        Output.error("next: BATON_TOKEN=… `\(command) list` uses it, `\(command) token revoke \(name)` ends it")
        return .ok
    }
}

/// `baton token revoke`.
struct TokenRevokeCommand: BatonSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revoke a token and the sessions that came of it.")

    @Argument(help: "The token: its name, its id, or the beginning of that.")
    var token: String

    @OptionGroup var options: GlobalOptions

    func perform() async throws(CommandError) -> ExitStatus {
        let client = try options.client()
        let items = try await client.list("/tokens").items
        let valid = items.filter { $0["revoked_at"]?.stringValue == nil }
        let named = valid.filter { $0["name"]?.stringValue == token }
        let word = token.lowercased()
        let found =
            named.isEmpty ? valid.filter { word.count >= 4 && ($0["id"]?.stringValue ?? "").hasPrefix(word) } : named
        guard let id = found.first?["id"]?.stringValue, found.count == 1 else {
            throw CommandError(
                .notFound,
                found.isEmpty ? "no valid token is \"\(token)\"" : "several tokens are meant by \"\(token)\"",
                hint: "`\(CommandName.current) token list` shows the tokens there are")
        }
        try await client.delete("/tokens/\(id)")
        if options.json {
            Output.line(JSONValue.object(["id": .string(id), "revoked": true]).prettyPrinted())
        } else {
            Output.line(
                "\(found[0]["name"]?.stringValue ?? token) is revoked; other orchestrators heed it within 10 s.")
        }
        return .ok
    }
}
