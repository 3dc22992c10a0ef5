public import AgentRuntime
public import JSONTools

/// Why a project's manifest can't be used.
public struct ManifestError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of thing is wrong; the raw value is stable and fit for programs.
    public enum Code: String, Sendable, Hashable {
        /// There is no `baton.json`.
        case missing = "MANIFEST_MISSING"
        /// It is there, but is not what it has to be.
        case invalid = "INVALID_MANIFEST"
    }

    /// What kind of thing is wrong.
    public var code: Code
    /// Place in the document as a JSON pointer; empty for the whole.
    public var pointer: String
    /// What was found and what was expected.
    public var message: String

    /// - Parameters:
    ///   - code: what kind of thing is wrong.
    ///   - pointer: place in the document; cut at 500 bytes, as it may repeat a name of any length.
    ///   - message: what was found and what was expected; cut at 1000 bytes.
    public init(code: Code, pointer: String = "", message: String) {
        self.code = code
        self.pointer = pointer.cut(toBytes: 500)
        self.message = message.cut(toBytes: 1000)
    }

    /// A member that is not what it has to be.
    ///
    /// - Parameters:
    ///   - pointer: place in the document.
    ///   - expected: what should be there, with its article.
    ///   - found: what is there; nil when nothing is.
    public init(pointer: String, expected: String, found: JSONValue?) {
        let shown = found.map { String($0.description.prefix(80)) } ?? "nothing"
        let place = pointer.isEmpty ? ProjectManifest.fileName : "\(ProjectManifest.fileName) at \(pointer)"
        self.init(code: .invalid, pointer: pointer, message: "\(place): expected \(expected), found \(shown)")
    }

    /// Code and message on one line.
    public var description: String { "\(code.rawValue): \(message)" }
}

extension ActionFailure {
    /// A manifest that can't be used, as an action reports it; trying again won't help.
    public init(_ error: ManifestError) {
        self.init(code: error.code.rawValue, message: error.message, detail: ["pointer": .string(error.pointer)])
    }
}
