internal import AgentRuntime
internal import JSONTools

extension ProjectManifest {
    /// Reads `baton.json` at the root of a project.
    ///
    /// - Parameter directory: Absolute path of the project.
    /// - Throws: ``ManifestError``: `MANIFEST_MISSING`, or `INVALID_MANIFEST` when it is no JSON, too large, leads out of
    ///   the project by a symbolic link, or isn't what a manifest has to be.
    public static func load(from directory: String) throws(ManifestError) -> ProjectManifest {
        let path: String
        do {
            path = try Workspace(root: directory).resolve(fileName)
        } catch {
            throw ManifestError(code: .invalid, message: "\(fileName) can't be read: \(error)")
        }
        guard let bytes = SmallFile.read(path, maxBytes: maxBytes) else {
            guard SmallFile.isThere(path) else {
                throw ManifestError(
                    code: .missing,
                    message:
                        "The project has no \(fileName) at its root, so nothing says how to install, test and start it."
                )
            }
            throw ManifestError(
                code: .invalid, message: "\(fileName) can't be read: expected a file of at most \(maxBytes) bytes.")
        }
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw ManifestError(code: .invalid, message: "\(fileName) is not valid JSON: \(error)")
        }
        return try ProjectManifest(json: json)
    }
}
