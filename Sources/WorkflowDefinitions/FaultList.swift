import JSONTools

/// What was found wrong so far.
struct FaultList {
    /// So many faults are kept; a file with more is not a definition anyway.
    static let limit = 200

    private(set) var faults: [DefinitionFault] = []

    mutating func add(_ position: SourcePosition, _ pointer: JSONPointer, _ message: String) {
        guard faults.count < Self.limit else { return }
        faults.append(DefinitionFault(position: position, pointer: pointer, message: message))
    }
}

/// "; did you mean 'x'?", or nothing if no candidate is close.
func suggestion(for word: String, among candidates: [String]) -> String {
    closestMatch(word, in: candidates).map { "; did you mean '\($0)'?" } ?? ""
}
