import JSONTools

/// Where two sides changed the same lines, as a person wants to see it: files, and in them hunks with both versions.
struct ConflictReport: Sendable, Hashable {
    /// A place in a file with both versions.
    struct Hunk: Sendable, Hashable {
        /// Line of the opening marker, from 1.
        var line: Int
        /// The lines of the target branch.
        var ours: [String]
        /// The lines of the work.
        var theirs: [String]
    }

    /// A file that could not be merged.
    struct File: Sendable, Hashable {
        var path: String
        /// What each side did to it, in words.
        var kind: String
        var hunks: [Hunk]
    }

    static let maxFiles = 20
    static let maxHunksPerFile = 10
    static let maxLinesPerSide = 40
    /// The whole report in a result, in bytes; a result's output and faults have to stay small.
    static let maxBytes = 16 << 10

    var files: [File]

    /// Reads the hunks that git wrote between its markers (`<<<<<<<`, `|||||||`, `=======`, `>>>>>>>`).
    static func hunks(in text: String) -> [Hunk] {
        enum Side { case none, ours, base, theirs }
        var hunks: [Hunk] = []
        var current = Hunk(line: 0, ours: [], theirs: [])
        var side = Side.none
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            switch side {
            case .none where line.hasPrefix("<<<<<<< "):
                current = Hunk(line: index + 1, ours: [], theirs: [])
                side = .ours
            case .ours where line.hasPrefix("||||||| "):
                side = .base
            case .ours where line == "=======", .base where line == "=======":
                side = .theirs
            case .theirs where line.hasPrefix(">>>>>>> "):
                hunks.append(current)
                side = .none
            case .ours:
                if current.ours.count < maxLinesPerSide { current.ours.append(String(line.prefix(200))) }
            case .theirs:
                if current.theirs.count < maxLinesPerSide { current.theirs.append(String(line.prefix(200))) }
            case .none, .base:
                break
            }
            if hunks.count == maxHunksPerFile { break }
        }
        return hunks
    }

    /// The unmerged files of `git status --porcelain=v1 -z`: path and what each side did.
    static func unmerged(inStatus output: String) -> [(path: String, kind: String)] {
        let kinds = [
            "UU": "both changed it", "AA": "both added it", "DD": "both deleted it",
            "AU": "added by the target branch", "UA": "added by the work",
            "DU": "deleted by the target branch, changed by the work",
            "UD": "changed by the target branch, deleted by the work",
        ]
        return output.split(separator: "\0").compactMap { entry in
            guard entry.count > 3, let kind = kinds[String(entry.prefix(2))] else { return nil }
            return (String(entry.dropFirst(3)), kind)
        }
    }

    /// For the result: files with their hunks, cut at ``maxBytes``.
    var json: JSONValue {
        var room = Self.maxBytes
        var list: [JSONValue] = []
        for file in files.prefix(Self.maxFiles) {
            var hunks: [JSONValue] = []
            for hunk in file.hunks {
                let value: JSONValue = [
                    "line": .integer(Int64(hunk.line)),
                    "ours": .string(hunk.ours.joined(separator: "\n")),
                    "theirs": .string(hunk.theirs.joined(separator: "\n")),
                ]
                room -= value.encoded().count
                if room < 0 { break }
                hunks.append(value)
            }
            list.append(["path": .string(file.path), "kind": .string(file.kind), "hunks": .array(hunks)])
        }
        return .array(list)
    }

    /// One line for people.
    var summary: String {
        let names = files.prefix(5).map { file in
            let places = file.hunks.map { String($0.line) }
            return places.isEmpty ? "\(file.path) (\(file.kind))" : "\(file.path):\(places.joined(separator: ","))"
        }
        let more = files.count > 5 ? " and \(files.count - 5) more" : ""
        return names.joined(separator: "; ") + more
    }
}
