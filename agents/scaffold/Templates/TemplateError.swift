import AgentRuntime
import JSONTools

/// What is wrong with the template files that come with Baton, or that somebody added.
struct TemplateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, relative to the templates' folder.
    var file: String
    /// What was found and what was expected.
    var message: String

    /// - Parameters:
    ///   - file: the file.
    ///   - message: what was found and what was expected; cut at 2000 bytes, as it may repeat a text of any length.
    init(file: String, message: String) {
        self.file = file
        self.message = message.cut(toBytes: 2000)
    }

    var description: String { "\(file): \(message)" }
}

extension ActionFailure {
    /// A template that can't be used; trying again won't help.
    init(_ error: TemplateError) {
        self.init(
            code: "TEMPLATE_INVALID", message: "The template can't be used: \(error)",
            detail: ["file": .string(error.file)])
    }
}
