import AgentProtocol
import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// Conflicts that people decide, place by place.
///
/// A place is known by what stands there: an answer counts for as long as both versions are the same, wherever the place
/// has moved to; when the target branch has changed it meanwhile, people are asked anew.
struct ManualDecision: Sendable {
    /// What people may answer.
    enum Choice: String, Sendable, Hashable, CaseIterable {
        case ours, theirs, both
    }

    /// So many are asked at once; what is left is asked when these are answered.
    static let maxQuestions = 20
    private static let maxFileBytes = 4 << 20

    let git: GitClient
    let answers: [String: String]
    let targetBranch: String

    /// The last answer to each question.
    static func answers(_ given: [Answer]) -> [String: String] {
        given.reduce(into: [:]) { $0[$1.id] = $1.value.stringValue }
    }

    /// Settles what the answers settle, in the work tree and in the index.
    ///
    /// - Parameter files: the unmerged files, with what each side did.
    /// - Returns: what has to be asked; empty when all is settled.
    func settle(_ files: [(path: String, kind: String)]) async throws -> [Question] {
        var questions: [Question] = []
        for (path, kind) in files {
            let place = try Workspace(root: git.directory).resolve(path)
            let bytes = SmallFile.read(place, maxBytes: Self.maxFileBytes) ?? []
            let text = ConflictText(String(decoding: bytes, as: UTF8.self))
            if text.hunks.isEmpty {
                questions += try await settleWhole(path, kind)
                continue
            }
            let open = text.hunks.filter { choice(Self.id(path, $0)) == nil }
            questions += open.map { question(path, $0) }
            guard open.isEmpty else { continue }
            let settled = text.settled { choice(Self.id(path, $0)) ?? .ours }
            try SmallFile.replace(place, with: Array(settled.utf8), permissions: Self.permissions(of: place))
            try await git.line(["add", "--", path])
        }
        return Array(questions.prefix(Self.maxQuestions))
    }

    /// A file that has no lines to choose from: deleted by one side, or binary.
    private func settleWhole(_ path: String, _ kind: String) async throws -> [Question] {
        let id = Self.id("\(path)\0\(kind)")
        guard let choice = choice(id), choice != .both else {
            let text =
                "\(path): \(kind). Whose version is taken, that of \(targetBranch) (ours) or the work's (theirs)?"
            return [Question(id: id, text: text, options: ["ours", "theirs"])]
        }
        let stage = choice == .ours ? "2" : "3"
        let listing = try await git.run(["ls-files", "--unmerged", "-z", "--", path]).text
        let isThere = listing.split(separator: "\0").contains { entry in
            entry.split(separator: "\t").first?.split(separator: " ").last.map { $0 == stage } ?? false
        }
        if isThere {
            try await git.line(["checkout", "--quiet", choice == .ours ? "--ours" : "--theirs", "--", path])
            try await git.line(["add", "--", path])
        } else {
            try await git.line(["rm", "--quiet", "--force", "--", path])
        }
        return []
    }

    private func choice(_ id: String) -> Choice? { answers[id].flatMap(Choice.init(rawValue:)) }

    private func question(_ path: String, _ hunk: ConflictText.Hunk) -> Question {
        func shown(_ lines: [String]) -> String {
            let text = lines.prefix(20).map { "  " + $0.prefix(160) }.joined(separator: "\n")
            return lines.isEmpty ? "  (nothing)" : text + (lines.count > 20 ? "\n  …" : "")
        }
        return Question(
            id: Self.id(path, hunk),
            text: "\(path), line \(hunk.line): whose lines win?\nours (\(targetBranch)):\n\(shown(hunk.ours))\n"
                + "theirs (the work):\n\(shown(hunk.theirs))",
            options: Choice.allCases.map(\.rawValue))
    }

    static func id(_ path: String, _ hunk: ConflictText.Hunk) -> String {
        id([path, hunk.ours.joined(separator: "\n"), hunk.theirs.joined(separator: "\n")].joined(separator: "\0"))
    }

    private static func id(_ text: String) -> String {
        "conflict-" + SHA256Digest.hex(of: Array(text.utf8)).prefix(12)
    }

    private static func permissions(of path: String) -> UInt32 { access(path, X_OK) == 0 ? 0o755 : 0o644 }
}

/// A file with git's marks of conflicts in it.
struct ConflictText: Sendable, Hashable {
    /// A place with both versions.
    struct Hunk: Sendable, Hashable {
        /// Line of the opening mark, from 1.
        var line: Int
        var ours: [String]
        var theirs: [String]
    }

    private enum Part: Sendable, Hashable {
        case line(String)
        case hunk(Hunk)
    }

    private var parts: [Part] = []

    /// Reads git's marks (`<<<<<<<`, `|||||||`, `=======`, `>>>>>>>`); one that is not closed is text like any other.
    init(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var index = 0
        while index < lines.count {
            if lines[index].hasPrefix("<<<<<<< "), let (hunk, end) = Self.hunk(lines, at: index) {
                parts.append(.hunk(hunk))
                index = end
            } else {
                parts.append(.line(lines[index]))
            }
            index += 1
        }
    }

    var hunks: [Hunk] { parts.compactMap { if case .hunk(let hunk) = $0 { hunk } else { nil } } }

    /// The text with a choice made in each place.
    func settled(_ choose: (Hunk) -> ManualDecision.Choice) -> String {
        parts.flatMap { part in
            switch part {
            case .line(let line): [line]
            case .hunk(let hunk):
                switch choose(hunk) {
                case .ours: hunk.ours
                case .theirs: hunk.theirs
                case .both: hunk.ours + hunk.theirs
                }
            }
        }.joined(separator: "\n")
    }

    private static func hunk(_ lines: [String], at start: Int) -> (Hunk, end: Int)? {
        var hunk = Hunk(line: start + 1, ours: [], theirs: [])
        var index = start + 1
        while index < lines.count, lines[index] != "=======", !lines[index].hasPrefix("||||||| ") {
            hunk.ours.append(lines[index])
            index += 1
        }
        while index < lines.count, lines[index] != "=======" { index += 1 }
        index += 1
        while index < lines.count, !lines[index].hasPrefix(">>>>>>> ") {
            hunk.theirs.append(lines[index])
            index += 1
        }
        return index < lines.count ? (hunk, index) : nil
    }
}
