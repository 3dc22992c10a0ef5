/// One version of an app on disk.
struct Release: Sendable, Hashable {
    /// The first twelve digits of the commit.
    let id: String
    let commit: String
    /// Absolute path of its directory.
    let path: String

    init(commit: String, in releases: String) {
        id = String(commit.prefix(12))
        self.commit = commit
        path = releases + "/" + id
    }

    /// Written when the release is complete: beside the directory, which belongs to the app.
    var readyMark: String { path + ".ready" }

    /// Whether a text can be a release's name, and thus part of a path.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == 12
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
