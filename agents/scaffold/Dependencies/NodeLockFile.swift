import JSONTools

/// What `package.json` says of a project's dependencies, and the lock file of a project that has none.
struct NodePackage: Sendable, Hashable {
    static let fileName = "package.json"
    static let lockFileName = "package-lock.json"
    private static let sections = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"]

    private let json: JSONObject
    /// Names of everything that the project depends on.
    let dependencies: [String]

    /// - Parameter json: the content of `package.json`.
    /// - Returns: nil when it is no object.
    init?(json: JSONValue) {
        guard let object = json.objectValue else { return nil }
        self.json = object
        dependencies = Self.sections.flatMap { object[$0]?.objectValue?.keys ?? [] }
    }

    /// The lock file that npm writes for a project without dependencies (lock file version 3).
    ///
    /// - Returns: nil when there are dependencies: their versions and digests are npm's to find out.
    var lockFileWithoutDependencies: JSONObject? {
        guard dependencies.isEmpty else { return nil }
        var root = JSONObject()
        for key in ["name", "version", "license", "engines"] { root[key] = json[key] }
        var lock = JSONObject()
        for key in ["name", "version"] { lock[key] = json[key] }
        lock["lockfileVersion"] = 3
        lock["requires"] = true
        lock["packages"] = ["": .object(root)]
        return lock
    }
}
