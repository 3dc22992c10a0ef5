/// The versions of packages that a `Package.swift` names.
struct SwiftRequirements: Sendable, Hashable {
    var url: String
    /// What SwiftPM calls the package: the last part of its address.
    var identity: String
    var version: PackageVersion

    /// The packages with a version, in their order; those by branch, revision or path have none.
    static func all(in package: String) -> [SwiftRequirements] {
        matches(package).compactMap { match in
            guard let version = PackageVersion(String(match.version)) else { return nil }
            return SwiftRequirements(
                url: String(match.url), identity: identity(String(match.url)), version: version)
        }
    }

    static func identity(_ url: String) -> String {
        let last = url.split(separator: "/").last ?? ""
        return (last.hasSuffix(".git") ? String(last.dropLast(4)) : String(last)).lowercased()
    }

    /// The description with another version of one package.
    static func replacing(_ identity: String, with version: String, in package: String) -> String {
        var result = package
        for match in matches(package).reversed() where self.identity(String(match.url)) == identity {
            result.replaceSubrange(match.version.startIndex..<match.version.endIndex, with: version)
        }
        return result
    }

    private static func matches(_ package: String) -> [(url: Substring, version: Substring)] {
        let pattern =
            /\.package\(\s*(?:name:\s*"[^"]*",\s*)?url:\s*"([^"]+)",\s*(?:exact:|from:|\.upToNextM(?:ajor|inor)\(\s*from:)\s*"([^"]+)"/
        return package.matches(of: pattern).map { ($0.1, $0.2) }
    }
}
