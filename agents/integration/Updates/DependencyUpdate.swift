import JSONTools

/// A dependency for which there is a newer version, and what became of it.
struct DependencyUpdate: Sendable, Hashable {
    enum Outcome: Sendable, Hashable {
        /// The project's tests pass with it.
        case kept
        /// They don't, or it can't be installed.
        case dropped(reason: String)
        /// It was not tried.
        case left(reason: String)

        var name: String {
            switch self {
            case .kept: "kept"
            case .dropped: "dropped"
            case .left: "left"
            }
        }

        var reason: String? {
            switch self {
            case .kept: nil
            case .dropped(let reason), .left(let reason): reason
            }
        }
    }

    /// `npm`, `pip` or `swift`.
    var source: String
    var name: String
    var from: PackageVersion
    var to: PackageVersion
    var outcome: Outcome = .left(reason: "not tried")

    var level: PackageVersion.Level { from.level(to: to) }

    /// For people: "left-pad 1.0.0 → 1.1.0".
    var sentence: String { "\(name) \(from) → \(to)" }

    var json: JSONValue {
        [
            "source": .string(source), "name": .string(name), "from": .string(from.description),
            "to": .string(to.description), "level": .string(level.rawValue), "status": .string(outcome.name),
            "reason": outcome.reason.map { .string($0) } ?? .null,
        ]
    }
}

/// What a package manager knows of newer versions.
struct OutdatedDependencies: Sendable, Hashable {
    var updates: [DependencyUpdate] = []
    /// Why nothing is known; nil when something is.
    var skipped: String?
}
