/// What may be handed to git as a name by somebody whom nobody knows.
public enum GitName {
    /// Longest name of a branch, in bytes; with a prefix and a suffix it still is a file's name.
    public static let maxBranchBytes = 200
    /// Longest location of a repository, in bytes.
    public static let maxLocationBytes = 2000

    /// Whether a name can be that of a branch: the rules of git-check-ref-format(1), no leading dash, and at most
    /// ``maxBranchBytes``.
    public static func isBranch(_ name: String) -> Bool {
        // Scalars, not characters: a sign with a combining mark after it is still that sign for git.
        let scalars = name.unicodeScalars
        guard name.utf8.count <= maxBranchBytes, name != "HEAD", name != "@", scalars.first != "-",
            scalars.last != ".", !name.utf8.containsSequence(".."), !name.utf8.containsSequence("@{"),
            scalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F && !"~^:?*[\\".unicodeScalars.contains($0) })
        else { return false }
        return name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part.first != UInt8(ascii: ".") && !part.suffix(5).elementsEqual(".lock".utf8)
        }
    }

    /// Whether a location can be that of a repository: an absolute path, or a URL of a kind that runs nothing on this
    /// machine; without control characters, and at most ``maxLocationBytes``.
    public static func isLocation(_ text: String) -> Bool {
        let prefixes = ["/", "file:///", "https://", "http://", "ssh://", "git@"]
        return prefixes.contains(where: { text.utf8.starts(with: $0.utf8) }) && text.utf8.count <= maxLocationBytes
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}

extension GitName {
    /// A location without the user name and password that a URL may hold.
    public static func redacted(_ location: String) -> String {
        guard let scheme = location.firstRange(of: "://") else { return location }
        let rest = location[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return location }
        return location[..<scheme.upperBound] + "…@" + rest[rest.index(after: at)...]
    }

    /// What git printed about a location, without its user name and password.
    public static func redacted(_ text: String, about location: String) -> String {
        text.split(separator: location, omittingEmptySubsequences: false).joined(separator: redacted(location))
    }
}

extension String.UTF8View {
    /// Whether the bytes of `part` stand somewhere in these.
    fileprivate func containsSequence(_ part: String) -> Bool {
        let part = Array(part.utf8)
        return indices.contains { self[$0...].starts(with: part) }
    }
}
