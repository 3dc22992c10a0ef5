import AgentProtocol
import AgentRuntime
import JSONTools
import ProjectTools

/// The pictures of a project's pages that were accepted last: those of the last run that passed.
///
/// They belong to the workflow's name, so that the next workflow for the same app is compared with them.
struct AcceptedPictures: Sendable {
    /// Absolute path; it may not be there yet.
    let directory: String
    /// Whether a difference fails the stage, and thus is not accepted.
    let changeFails: Bool

    static let schema: JSONValue = [
        "type": "string", "enum": ["accept", "compare"], "default": "accept",
        "description": .string(
            "What a page that looks different from the last accepted picture means: accept tells it, and a run that "
                + "passes makes the new pictures the accepted ones; compare fails the stage."),
    ]

    init(_ context: ActionContext) {
        let name = context.envelope.workflowContext.workflowName
        let digest = SHA256Digest.hex(of: Array(name.utf8)).prefix(16)
        directory = context.dataDirectory + "/e2e-accepted/" + digest
        changeFails = context.input["screenshots"]?.stringValue == "compare"
    }

    /// Makes the pictures of a run the accepted ones.
    ///
    /// - Parameter output: the directory that the pictures' paths are relative to.
    func accept(_ survey: BrowserSurvey, in output: String) throws {
        try SmallFile.makeDirectories(directory)
        for picture in survey.pages.flatMap(\.screenshots) {
            let name = picture.split(separator: "/").last.map(String.init) ?? picture
            guard let bytes = SmallFile.read(output + "/" + picture, maxBytes: 32 << 20) else { continue }
            try SmallFile.replace(directory + "/" + name, with: bytes)
        }
    }
}
