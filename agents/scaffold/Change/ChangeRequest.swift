import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// Work on a repository that exists, read from an envelope.
struct ChangeRequest: Sendable, Hashable {
    /// Where the change comes from.
    enum Source: Sendable, Hashable {
        /// A unified diff.
        case patch(String)
        /// A branch of the same repository.
        case branch(String)
        /// Entities that a project made from a template gets, as they were given.
        case entities(JSONValue)
        /// The template as it is now, in a project that was made from it.
        case update
        /// No change: the repository is taken as it stands.
        case none
    }

    /// An absolute path or a URL.
    var repository: String
    var source: Source
    /// The branch to be changed; nil for the one that the repository's HEAD names.
    var targetBranch: String?

    /// Reads a change if there is one in the payload or the input data.
    ///
    /// - Parameters:
    ///   - workflow: the workflow's input data.
    ///   - payload: the stage's `with`, which wins over the input data.
    ///   - isRequired: whether a request without a repository and a change to it is a mistake.
    /// - Returns: nil when nothing speaks of a repository and none is required.
    /// - Throws: ``ActionFailure`` `INVALID_INPUT`.
    init?(_ workflow: WorkflowContext, payload: JSONValue, isRequired: Bool) throws {
        func text(_ key: String) throws -> String? {
            guard let value = payload[key] ?? workflow.input[key], value != .null else { return nil }
            guard let text = value.stringValue else {
                throw Self.invalid("\(key): expected a text, found \(value.kindName)")
            }
            return text
        }
        let patch = try text("patch")
        let branch = try text("branch")
        guard let repository = try text("repository"), !repository.isEmpty else {
            guard isRequired || patch != nil || branch != nil else { return nil }
            throw Self.invalid(
                "A \(workflow.workflowType) workflow needs the repository to change: pass \"repository\" (an absolute path or "
                    + "a URL) and one of \"patch\" (a unified diff) and \"branch\".")
        }
        guard GitName.isLocation(repository) else {
            throw Self.invalid(
                "repository: \(GitName.redacted(repository).debugDescription) is neither an absolute path nor a file, https "
                    + "or ssh URL.")
        }
        self.repository = repository
        let entities = [payload["entities"], workflow.input["entities"]].compactMap { $0 }.first { $0 != .null }
        let updates = (payload["update"] ?? workflow.input["update"])?.boolValue ?? false
        switch (patch, branch) {
        case (nil, nil) where isRequired && updates && entities == nil:
            source = .update
        case (let patch?, nil):
            source = .patch(patch)
        case (nil, let branch?):
            source = .branch(try Self.checked(branch, "branch"))
        case (nil, nil) where isRequired && entities != nil:
            source = .entities(entities ?? [])
        case (nil, nil) where !isRequired:
            source = .none
        case (nil, nil):
            throw Self.invalid(
                "There is no change: pass \"patch\" (a unified diff), \"branch\", \"entities\" or \"update\" beside "
                    + "\"repository\"."
            )
        case (_?, _?):
            throw Self.invalid("\"patch\" and \"branch\" are given both; which one is meant?")
        }
        if let target = try text("target_branch"), !target.isEmpty {
            targetBranch = try Self.checked(target, "target_branch")
        }
    }

    private static func checked(_ name: String, _ key: String) throws -> String {
        guard GitName.isBranch(name) else {
            throw invalid("\(key): \(name.debugDescription) can't be the name of a branch")
        }
        return name
    }

    private static func invalid(_ message: String) -> ActionFailure {
        ActionFailure(code: "INVALID_INPUT", message: message)
    }
}
