import AgentRuntime
import JSONTools
import ProjectTools

/// What is to be integrated how and where, read from an action's input.
struct IntegrationRequest: Sendable, Hashable {
    /// How the work becomes part of the target branch.
    enum Strategy: String, Sendable, Hashable, CaseIterable {
        /// A merge commit with both as parents.
        case merge
        /// One commit on top of the target with all of the work.
        case squash
        /// The work's commits again, on top of the target.
        case rebase
        /// The target moves to the work's commit; refused unless it is behind it.
        case fastForward = "fast-forward"
    }

    /// What happens where both sides changed the same lines.
    enum Conflicts: String, Sendable, Hashable, CaseIterable {
        /// The stage fails and lists them.
        case fail
        /// The target branch's lines win.
        case ours
        /// The work's lines win.
        case theirs
        /// Both are kept, the target's first.
        case union
        /// People are asked, place by place.
        case manual
    }

    var targetBranch: String
    /// A path or URL of somebody's repository; nil for the workflow's own.
    var repository: String?
    var strategy: Strategy
    var conflicts: Conflicts
    /// Whether a clean work tree in which the target branch is checked out may be moved along.
    var updatesWorktree: Bool
    /// Whether a project without test command may be published.
    var allowsUntested: Bool
    /// What it means that the work breaks the users of an API or package.
    var breakingChanges: BreakingChanges.Level

    static let schema: JSONValue = [
        "type": "object",
        "properties": [
            "target_branch": [
                "type": "string", "minLength": 1, "maxLength": 200, "default": "main",
                "description": "The branch that the work goes into; created if there is none.",
            ],
            "repository": [
                "type": ["string", "null"], "maxLength": 2000,
                "description": "Absolute path or URL of the repository; the workflow's own if absent.",
            ],
            "strategy": ["type": "string", "enum": ["merge", "squash", "rebase", "fast-forward"], "default": "merge"],
            "conflicts": [
                "type": "string", "enum": ["fail", "ours", "theirs", "union", "manual"], "default": "fail",
                "description": .string(
                    "Whose lines win where both changed the same: ours is the target branch, theirs the work; manual asks "
                        + "people, place by place."),
            ],
            "update_worktree": [
                "type": ["boolean", "null"], "default": false,
                "description": "Move a clean work tree along in which the target branch is checked out.",
            ],
            "allow_untested": [
                "type": "boolean", "default": false,
                "description": "Publish a project whose manifest names no test command.",
            ],
            "breaking_changes": [
                "type": "string", "enum": ["ignore", "warn", "block"], "default": "warn",
                "description": .string(
                    "What it means that an API description (OpenAPI) or the exported names of a package lose what was "
                        + "there, or demand more: warn tells it, block publishes nothing."),
            ],
        ],
    ]

    /// Reads an input that the schema has accepted.
    ///
    /// - Throws: ``ActionFailure`` `INVALID_INPUT` for what a schema can't say.
    init(_ input: JSONValue) throws {
        targetBranch = input["target_branch"]?.stringValue ?? "main"
        strategy = input["strategy"]?.stringValue.flatMap(Strategy.init) ?? .merge
        conflicts = input["conflicts"]?.stringValue.flatMap(Conflicts.init) ?? .fail
        updatesWorktree = input["update_worktree"]?.boolValue ?? false
        allowsUntested = input["allow_untested"]?.boolValue ?? false
        breakingChanges = input["breaking_changes"]?.stringValue.flatMap(BreakingChanges.Level.init) ?? .warn
        if conflicts == .manual, strategy == .rebase {
            throw ActionFailure(
                code: "INVALID_INPUT",
                message:
                    "conflicts: manual asks once about the whole work, and rebase merges commit by commit; use the "
                    + "strategy merge or squash."
            )
        }
        guard GitName.isBranch(targetBranch) else {
            throw ActionFailure(
                code: "INVALID_INPUT",
                message: "target_branch: \(targetBranch.debugDescription) can't be the name of a branch."
            )
        }
        repository = try input["repository"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }.map(Self.location)
    }

    /// A location that git may be given: an absolute path, or a URL of a kind that runs nothing on this machine.
    private static func location(_ text: String) throws -> String {
        guard GitName.isLocation(text) else {
            throw ActionFailure(
                code: "INVALID_INPUT",
                message:
                    "repository: \(GitName.redacted(text).debugDescription) is neither an absolute path nor a file, https "
                    + "or ssh URL."
            )
        }
        return text
    }

    /// The path of ``repository`` if it lies on this machine.
    var localPath: String? {
        guard let repository else { return nil }
        if repository.hasPrefix("/") { return repository }
        return repository.hasPrefix("file:///") ? String(repository.dropFirst("file://".count)) : nil
    }
}
