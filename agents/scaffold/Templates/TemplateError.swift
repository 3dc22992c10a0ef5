import AgentRuntime
import JSONTools

/// What is wrong with the template files that come with Baton, or that somebody added.
struct TemplateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, relative to the templates' folder.
    var file: String
    /// What was found and what was expected.
    var message: String

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
