/// What `MONITOR` writes of the commands that Redis is given.
enum RedisTrace {
    /// A command, by whom.
    struct Entry: Sendable, Hashable {
        /// Address and port of the connection; `lua` for what a script does.
        var client: String
        /// The name in lower case, then the arguments.
        var words: [String]

        var name: String { words.first ?? "" }
    }

    /// Reads lines such as `1700000000.1 [0 127.0.0.1:5000] "xack" "s" "g" "1-0"`.
    static func read(_ text: String) -> [Entry] {
        text.split(separator: "\n").compactMap { line in
            guard let open = line.firstIndex(of: "["), let close = line.firstIndex(of: "]"), open < close,
                let client = line[open..<close].split(separator: " ").last
            else { return nil }
            var words = quoted(line[close...])
            guard let name = words.first else { return nil }
            words[0] = name.lowercased()
            return Entry(client: String(client), words: words)
        }
    }

    /// Whether a result was said and its task removed at once: in a transaction, or by a script.
    ///
    /// - Parameters:
    ///   - results: the stream of results.
    ///   - tasks: the stream of the task.
    static func isAtomic(_ entries: [Entry], results: String, tasks: String) -> Bool {
        for client in Set(entries.map(\.client)) {
            var open: [Entry]?
            for entry in entries where entry.client == client {
                switch entry.name {
                case "multi": open = []
                case "exec":
                    if removes(open ?? [], results, tasks) { return true }
                    open = nil
                default: open?.append(entry)
                }
            }
            if client == "lua", removes(entries.filter { $0.client == client }, results, tasks) { return true }
        }
        return false
    }

    private static func removes(_ entries: [Entry], _ results: String, _ tasks: String) -> Bool {
        [("xadd", results), ("xack", tasks), ("xdel", tasks)].allSatisfy { name, stream in
            entries.contains { $0.name == name && $0.words.dropFirst().first == stream }
        }
    }

    private static func quoted(_ text: Substring) -> [String] {
        var words: [String] = []
        var word: String?
        var isEscaped = false
        for character in text {
            if isEscaped {
                word?.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                if let whole = word {
                    words.append(whole)
                    word = nil
                } else {
                    word = ""
                }
            } else {
                word?.append(character)
            }
        }
        return words
    }
}
