/// A version of a package as three numbers, as far as they are given; only released ones.
struct PackageVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// How far apart two versions are.
    enum Level: String, Sendable, Hashable, CaseIterable, Comparable {
        case patch, minor, major

        static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .patch: 0
            case .minor: 1
            case .major: 2
            }
        }
    }

    /// Major, minor, patch, and what more there is.
    let numbers: [Int]
    /// As it was written.
    let description: String

    /// - Parameter text: `1.2.3`, `v1.2`; nil for anything with a word in it, such as a beta.
    init?(_ text: String) {
        let plain = text.hasPrefix("v") ? text.dropFirst() : text[...]
        let parts = plain.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in part.utf8.count <= 9 && part.allSatisfy(\.isNumber) ? Int(part) : nil }
        guard (1...6).contains(parts.count), numbers.count == parts.count else { return nil }
        self.numbers = numbers
        description = String(plain)
    }

    private func number(_ index: Int) -> Int { index < numbers.count ? numbers[index] : 0 }

    static func < (left: Self, right: Self) -> Bool {
        for index in 0..<max(left.numbers.count, right.numbers.count)
        where left.number(index) != right.number(index) {
            return left.number(index) < right.number(index)
        }
        return false
    }

    /// What kind of step it is from this version to another one. Before 1.0, the second number is what the first is later.
    func level(to other: PackageVersion) -> Level {
        if number(0) != other.number(0) { return .major }
        if number(1) != other.number(1) { return number(0) == 0 ? .major : .minor }
        return .patch
    }

    /// The first version that is out of reach for updates of a level; nil for major ones, which may be any.
    func bound(_ level: Level) -> String? {
        switch level {
        case .major: nil
        case .minor: number(0) == 0 ? "0.\(number(1) + 1)" : "\(number(0) + 1)"
        case .patch: "\(number(0)).\(number(1) + 1)"
        }
    }
}
