import AgentRuntime
import JSONTools
import ProjectTools

/// Where templates come from that aren't Baton's own: a folder, or a git repository at a commit.
struct TemplateSource: Sendable, Hashable {
    /// An absolute path or a URL; `#` and a branch or tag may follow.
    var location: String
    /// Set once a repository was read, so that later stages read the same.
    var commit: String?

    /// As it is kept in a plan; without the password that a URL may hold.
    var json: JSONObject {
        ["location": .string(GitName.redacted(location)), "commit": commit.map { .string($0) } ?? nil]
    }

    init(location: String, commit: String? = nil) {
        self.location = location
        self.commit = commit
    }

    /// Reads what ``json`` wrote; nil when it is none: somebody's repository may bring any plan along.
    init?(json: JSONValue) {
        guard let location = json["location"]?.stringValue, GitName.isLocation(location) else { return nil }
        self.init(location: location, commit: json["commit"]?.stringValue)
    }

    /// Reads `template` of structured input.
    ///
    /// - Returns: nil when the input names none.
    /// - Throws: ``ActionFailure`` `INVALID_INPUT`.
    static func given(_ value: JSONValue?) throws -> TemplateSource? {
        guard let value, value != .null else { return nil }
        guard let text = value.stringValue, GitName.isLocation(text) else {
            throw EntityRequest.invalid("template", "an absolute path or a file, https or ssh URL", value)
        }
        return TemplateSource(location: text)
    }

    /// The templates, and the source with its commit.
    ///
    /// A folder with `rules.yaml` holds several stacks, one with `template.yaml` is a stack itself.
    ///
    /// - Throws: ``ActionFailure`` `TEMPLATE_UNREACHABLE` or `TEMPLATE_INVALID`.
    func open(_ context: ActionContext) async throws -> (catalog: TemplateCatalog, source: TemplateSource) {
        var source = self
        let isFolder =
            location.hasPrefix("/")
            && ["rules.yaml", "template.yaml"].contains { SmallFile.read(location + "/" + $0) != nil }
        var folder = location
        while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
        if !isFolder { (folder, source.commit) = try await clone(context) }
        do throws(TemplateError) {
            if SmallFile.read(folder + "/rules.yaml") != nil { return (try .load(from: folder), source) }
            return (try .load(stackIn: folder), source)
        } catch {
            throw ActionFailure(error)
        }
    }

    /// A fresh clone in the attempt's own directory, at the commit if there is one.
    private func clone(_ context: ActionContext) async throws -> (folder: String, commit: String) {
        let parts = location.split(separator: "#", maxSplits: 1).map(String.init)
        if parts.count == 2, !GitName.isBranch(parts[1]) {
            throw EntityRequest.invalid("template", "a branch or tag after #", .string(parts[1]))
        }
        var last = parts[0].split(separator: "/").last.map(String.init) ?? "template"
        if last.hasSuffix(".git") { last.removeLast(4) }
        let folder = context.scratch + "/templates/" + ProjectName(last).slug
        var arguments = ["clone", "--quiet", "--no-recurse-submodules", "--no-hardlinks"]
        if parts.count == 2 { arguments += ["--branch", parts[1]] }
        let output = try await context.tools.run(
            ToolCommand(
                "git", arguments + ["--", parts[0], folder],
                environment: ["GIT_ALLOW_PROTOCOL": "file:http:https:ssh", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes"],
                logsOutput: false))
        guard output.succeeded else {
            let shown = GitName.redacted(parts[0])
            let reason = output.lastLines(4).split(separator: parts[0], omittingEmptySubsequences: false)
            throw ActionFailure(
                code: "TEMPLATE_UNREACHABLE",
                message: "The template \(shown) can't be read: \(reason.joined(separator: shown))", retryable: true)
        }
        if let commit, commit.utf8.allSatisfy({ $0 != UInt8(ascii: "-") }) {
            _ = try await context.tools.runChecked(
                ToolCommand("git", ["checkout", "--quiet", "--detach", commit], in: folder, logsOutput: false))
        }
        let head = try await context.tools.runChecked(
            ToolCommand("git", ["rev-parse", "HEAD"], in: folder, logsOutput: false))
        return (folder, head.text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? "")
    }
}
