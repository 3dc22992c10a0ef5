/// What a version of a project offers to programs that use it, by name.
struct ExportedSymbols: Sendable, Hashable {
    /// Something that can be called by its name.
    struct Symbol: Sendable, Hashable {
        /// With what it is in: `shop.price.total`.
        var name: String
        /// Relative to the project.
        var file: String
        /// From 1.
        var line: Int
        /// What it is called with, if it is a function; nil otherwise.
        var arguments: [Argument]?
    }

    /// Something that a function is called with.
    struct Argument: Sendable, Hashable {
        var name: String
        var isRequired: Bool
    }

    var symbols: [Symbol] = []

    /// What the new version doesn't offer any more, or offers only to those who call it otherwise.
    ///
    /// - Parameters:
    ///   - former: the version before the work.
    ///   - new: the version after it.
    static func changes(from former: ExportedSymbols, to new: ExportedSymbols) -> [BreakingChange] {
        let present = Dictionary(grouping: new.symbols, by: \.name)
        var changes: [BreakingChange] = []
        for (name, group) in Dictionary(grouping: former.symbols, by: \.name).sorted(by: { $0.key < $1.key }) {
            guard let now = present[name] else {
                if let old = group.first {
                    changes.append(
                        BreakingChange(
                            kind: .symbolRemoved, file: old.file, line: old.line, isFormer: true,
                            message: "\(name) was removed"))
                }
                continue
            }
            for old in group { changes += Self.changes(from: old, to: now) }
        }
        return Array(changes.prefix(BreakingChange.limit))
    }

    /// Of one symbol: fine when one of the new ones of its name can be called as it was.
    private static func changes(from old: Symbol, to now: [Symbol]) -> [BreakingChange] {
        guard let before = old.arguments else { return [] }
        var best: [BreakingChange]?
        for symbol in now {
            guard let after = symbol.arguments else { continue }
            var found: [BreakingChange] = []
            func add(_ kind: BreakingChange.Kind, _ message: String) {
                found.append(
                    BreakingChange(
                        kind: kind, file: symbol.file, line: symbol.line, isFormer: false,
                        message: "\(old.name): \(message)"))
            }
            for argument in before {
                guard let other = after.first(where: { $0.name == argument.name }) else {
                    add(.argumentRemoved, "the argument \(argument.name) was removed")
                    continue
                }
                if other.isRequired, !argument.isRequired {
                    add(.argumentRequired, "the argument \(argument.name) has become required")
                }
            }
            for argument in after where argument.isRequired && !before.contains(where: { $0.name == argument.name }) {
                add(.argumentRequired, "the argument \(argument.name) is new and required")
            }
            if found.count < best?.count ?? .max { best = found }
        }
        return best ?? []
    }
}
