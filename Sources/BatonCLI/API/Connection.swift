import Foundation
import JSONTools
import LocalStack

/// Where the API is and how to be let in.
struct Connection: Sendable {
    var url: String
    var token: String?
    /// The data directory of the stack, absolute; it need not be on this machine when `url` was given.
    var dataDirectory: String
    /// The stack of the data directory, if it runs.
    var record: StackRecord?

    /// Looks in the options, then in the environment, then in `stack.json` of the data directory.
    ///
    /// - Throws: `.unavailable` if no stack runs and no URL is given.
    static func resolve(_ options: GlobalOptions) throws(CommandError) -> Connection {
        let environment = ProcessInfo.processInfo.environment
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let directory = options.dataDirectoryPath
        let record = StackRecord.load(from: directory).flatMap { $0.isSupervised ? $0 : nil }
        let token = value("BATON_TOKEN") ?? StackRecord.adminToken(in: directory)
        guard let url = options.url ?? value("BATON_URL") ?? record?.url else {
            let state =
                record.map { "the stack in \(directory) is \($0.state.rawValue)" } ?? "no stack runs in \(directory)"
            throw CommandError(
                .unavailable, state,
                hint: "`\(CommandName.current) up --detach` starts one; BATON_URL names one elsewhere")
        }
        let trimmed = url.hasSuffix("/") ? String(url.dropLast()) : url
        return Connection(url: trimmed, token: token, dataDirectory: directory, record: record)
    }
}
