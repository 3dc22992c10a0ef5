import JSONTools

/// Turns an answer that isn't a success into an error for a person (RFC 9457 problem documents, or anything else).
enum Problem {
    static func error(status: Int, body: [UInt8], request: String) -> CommandError {
        let json = try? JSONValue(parsing: body)
        let title = json?["title"]?.stringValue
        let detail = json?["detail"]?.stringValue
        var message = [title, detail].compactMap { $0 }.joined(separator: ": ")
        if message.isEmpty { message = "\(request) was answered with status \(status)" }
        var faults = (json?["errors"]?.arrayValue ?? []).map { fault in
            let pointer = fault["pointer"]?.stringValue ?? ""
            let text = fault["message"]?.stringValue ?? fault["detail"]?.stringValue ?? fault.description
            return pointer.isEmpty ? text : "\(pointer): \(text)"
        }
        // Of a single fault the detail says all there is to say.
        if let detail, faults == [detail] { faults = [] }
        let (exit, hint) = meaning(of: status)
        return CommandError(exit, Formatting.clean(message), details: faults.map(Formatting.clean), hint: hint)
    }

    /// What to do next about a state that doesn't allow something, unless the command knows better.
    static var conflictHint: String { "`\(CommandName.current) show` tells the present state" }

    private static func meaning(of status: Int) -> (ExitStatus, String?) {
        switch status {
        case 400, 413, 415, 422: (.dataError, nil)
        case 401:
            (.noPermission, "set BATON_TOKEN, or run the command with the data directory of the stack (BATON_DATA_DIR)")
        case 403: (.noPermission, "set BATON_TOKEN to a token that may do this")
        case 404: (.notFound, nil)
        case 409: (.conflict, conflictHint)
        case 429, 503: (.temporary, "`\(CommandName.current) status` shows what is not ready; try again in a moment")
        default: (.software, "`\(CommandName.current) doctor` looks for the cause")
        }
    }
}
