/// The name that a client gives itself beside its token (`X-Worker-ID`): which of the programs that share it this is.
enum WorkerName {
    /// The header.
    static let header = "X-Worker-ID"
    /// Most characters.
    static let maxCharacters = 64

    /// A name in the one form that counts: `My_Worker` and `my-worker` are the same.
    ///
    /// - Returns: nil if it is no name: letters, digits, dots, dashes and underscores, a letter or digit first.
    static func normal(_ text: String) -> String? {
        let name = text.lowercased().map { $0 == "_" ? "-" : $0 }
        guard let first = name.first, first != "-", first != ".", name.count <= maxCharacters,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") })
        else { return nil }
        return String(name)
    }

    /// The caller under the name that it gives itself.
    ///
    /// - Throws: 400 if it is no name, 403 if the token doesn't allow it.
    static func apply(_ text: String, to caller: Caller) throws(Problem) -> Caller {
        guard let name = normal(text) else {
            throw .badQuery([
                Problem.Fault(
                    pointer: header,
                    message: "found '\(WorkflowRequest.shortened(text))' in the header; expected 1 to \(maxCharacters) "
                        + "letters, digits, dots, dashes and underscores, a letter or digit first")
            ])
        }
        if let allowed = caller.workers, !allowed.contains(name) {
            let names = allowed.isEmpty ? "none" : allowed.joined(separator: ", ")
            throw .forbidden("the token '\(caller.name)' may not be used by '\(name)'; it may be used by \(names)")
        }
        var caller = caller
        caller.name += "/\(name)"
        return caller
    }
}
