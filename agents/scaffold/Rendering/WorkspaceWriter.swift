import AgentRuntime
import Foundation
import JSONTools
import ProjectTools

/// Writes files into a workspace, never outside of it.
struct WorkspaceWriter: Sendable {
    let workspace: Workspace

    init(_ path: String) throws { workspace = try Workspace(root: path) }

    /// Writes a file and makes its folders.
    ///
    /// - Throws: ``ActionFailure`` `PATH_OUTSIDE_WORKSPACE` or `FILE_NOT_WRITTEN`.
    func write(_ bytes: [UInt8], to relative: String, isExecutable: Bool = false) throws {
        let path = try workspace.resolve(relative)
        do throws(FileError) {
            if let slash = path.lastIndex(of: "/") { try SmallFile.makeDirectories(String(path[..<slash])) }
        } catch {
            throw ActionFailure(code: "FILE_NOT_WRITTEN", message: "\(error)", retryable: true)
        }
        // Not synced to the disk one by one: what counts is the commit that the runtime makes of them.
        let permissions: [FileAttributeKey: Any] = [.posixPermissions: isExecutable ? 0o755 : 0o644]
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes), attributes: permissions) else {
            throw ActionFailure(code: "FILE_NOT_WRITTEN", message: "\(relative) can't be written.", retryable: true)
        }
    }

    /// Writes a JSON document that people can read.
    func write(_ json: JSONObject, to relative: String) throws {
        try write(Array((JSONValue.object(json).prettyPrinted() + "\n").utf8), to: relative)
    }
}
