import Foundation

/// How this program is called in the hints that it prints: `scripts/baton` in a checkout, otherwise `baton`.
enum CommandName {
    static var current: String {
        let given = ProcessInfo.processInfo.environment["BATON_COMMAND"] ?? ""
        return given.isEmpty ? "baton" : given
    }
}
