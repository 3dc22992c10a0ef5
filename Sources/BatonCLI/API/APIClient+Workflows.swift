import Foundation
import JSONTools

extension APIClient {
    /// The workflow with this id.
    func workflow(id: String) async throws(CommandError) -> WorkflowView {
        do {
            return WorkflowView(try await get("/workflows/\(id)"))
        } catch {
            var error = error
            if error.status == .notFound { error.hint = "`\(CommandName.current) list` shows the workflows there are" }
            throw error
        }
    }

    /// The workflow that a person means: by id, by the beginning of an id, by name (the newest of that name), or
    /// `last`.
    ///
    /// - Throws: ``CommandError`` when nothing fits, or when several ids begin so: ids begin with their time, so those
    ///   of neighbours are alike at the beginning.
    func find(_ word: String) async throws(CommandError) -> WorkflowView {
        if UniqueID(word) != nil { return try await workflow(id: word.lowercased()) }
        // Newest first; the search is the server's where it can be (by name), ours where it can't (by prefix).
        let newest = try await get("/workflows", [("limit", "100")])["items"]?.arrayValue ?? []
        let isLast = word == "last"
        let isName = { (item: JSONValue) in item["name"]?.stringValue == word }
        var found = newest.first { isLast || isName($0) }
        if found == nil {
            let ids = newest.compactMap { $0["id"]?.stringValue }.filter {
                word.count >= 4 && $0.hasPrefix(word.lowercased())
            }
            if ids.count > 1 {
                throw CommandError(
                    .usage, "\(ids.count) workflows have an id that begins with \"\(word)\"",
                    hint: "`\(CommandName.current) list` shows ids and names; give more of the id, or the name")
            }
            if let id = ids.first { return try await workflow(id: id) }
        }
        if found == nil && !isLast {
            found = try await list("/workflows", [("q", word)], pageSize: 100).items.first(where: isName)
        }
        guard let id = found?["id"]?.stringValue else {
            throw CommandError(
                .notFound, isLast ? "there is no workflow yet" : "no workflow is named \"\(word)\" or has such an id",
                hint: "`\(CommandName.current) list` shows the workflows there are")
        }
        return try await workflow(id: id)
    }

    /// The content of an artifact: from the data directory if the stack is on this machine, otherwise from the API.
    func content(of artifact: WorkflowView.Artifact) async throws(CommandError) -> [UInt8] {
        let digest = artifact.digest
        let isDigest = digest.utf8.count == 64 && digest.allSatisfy(\.isHexDigit)
        guard isDigest else { throw CommandError(.software, "\"\(digest)\" is no SHA-256") }
        if connection.record != nil {
            let path = "\(connection.dataDirectory)/artifacts/\(digest.prefix(2))/\(digest)"
            if let data = FileManager.default.contents(atPath: path) { return Array(data) }
        }
        return try await bytes("/artifacts/\(digest)")
    }

    /// The log lines of a workflow, oldest first, read page by page.
    ///
    /// - Parameters:
    ///   - stage: only the lines of this stage.
    ///   - limit: no more than so many pages are read.
    func logs(of id: String, stage: String?, pages limit: Int = 500) async throws(CommandError) -> [LogLine] {
        var lines: [LogLine] = []
        var last = 0
        for _ in 0..<limit {
            var query = [("limit", "1000")]
            if let stage { query.append(("stage", stage)) }
            if last > 0 { query.append(("after", "\(last)")) }
            let page = try await get("/workflows/\(id)/logs", query)
            lines += (page["items"]?.arrayValue ?? []).map(LogLine.init)
            guard let next = page["next_cursor"]?.stringValue.flatMap({ Int($0) }), next > last else { break }
            last = next
        }
        return lines
    }
}

/// A line that a tool or an agent wrote while it worked on a stage.
struct LogLine: Sendable {
    var json: JSONValue
    var stage: String
    var at: String
    var level: String
    var text: String

    init(_ json: JSONValue) {
        self.json = json
        stage = Formatting.clean(json["stage"]?.stringValue ?? "")
        at = json["at"]?.stringValue ?? ""
        level = json["level"]?.stringValue ?? ""
        text = Formatting.clean(json["text"]?.stringValue ?? "")
    }

    /// `12:30:01 validation  text`, coloured by level.
    func rendered(_ terminal: Terminal, stageWidth: Int) -> String {
        // The time of day of an RFC 3339 time; the rest of a log's day is known to who reads it.
        let time = at.split(separator: "T").last.map { String($0.prefix(8)) } ?? ""
        let colour: Terminal.Colour? =
            switch level {
            case "error", "critical": .red
            case "warning": .yellow
            case "debug", "trace": .dim
            default: nil
            }
        let head = terminal.paint("\(time) \(Formatting.pad(stage, to: stageWidth))", .dim)
        return "\(head)  \(colour.map { terminal.paint(text, $0) } ?? text)"
    }
}
