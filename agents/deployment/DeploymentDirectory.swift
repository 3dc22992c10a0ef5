import AgentRuntime
import Glibc
import JSONTools
import ProjectTools

/// The directory of one deployment: releases, the link to the current one, the record, the log, the lock.
struct DeploymentDirectory: Sendable {
    static let keptReleases = 5
    static let maxLogBytes = 10 << 20

    let name: DeploymentName
    /// `<data directory>/deployments`
    let parent: String

    init(_ name: DeploymentName, parent: String) {
        self.name = name
        self.parent = parent
    }

    init(_ name: DeploymentName, dataDirectory: String) {
        self.init(name, parent: dataDirectory + "/deployments")
    }

    var path: String { "\(parent)/\(name)" }
    var releases: String { path + "/releases" }
    var current: String { path + "/current" }
    var recordFile: String { path + "/app.json" }
    /// The record of a deployment that a tool runs.
    var targetFile: String { path + "/target.json" }
    /// The app's variables, for its user's eyes only.
    var environmentFile: String { path + "/environment.json" }
    /// What the app's supervisor notes.
    var supervisionFile: String { path + "/supervision.json" }
    var portFile: String { path + "/port" }
    var log: String { path + "/app.log" }

    /// Makes the directories.
    func make() throws(FileError) { try SmallFile.makeDirectories(releases) }

    /// The record; nil when nothing was deployed, or when what is there is no record.
    func record() -> AppRecord? {
        guard let bytes = SmallFile.read(recordFile, maxBytes: 1 << 20),
            let json = try? JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: 1 << 20))
        else { return nil }
        return AppRecord(json: json)
    }

    func write(_ record: AppRecord) throws(FileError) {
        try SmallFile.replace(recordFile, with: Array(record.json.prettyPrinted().utf8))
    }

    /// The record of a deployment that a tool runs; nil when there is none.
    func targetRecord() -> TargetRecord? {
        guard let bytes = SmallFile.read(targetFile, maxBytes: 1 << 20),
            let json = try? JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: 1 << 20))
        else { return nil }
        return TargetRecord(json: json)
    }

    func write(_ record: TargetRecord) throws(FileError) {
        try SmallFile.replace(targetFile, with: Array(record.json.prettyPrinted().utf8))
    }

    /// A release by its name if it is complete.
    func release(_ id: String, commit: String) -> Release? {
        guard Release.isID(id), commit.hasPrefix(id) else { return nil }
        let release = Release(commit: commit, in: releases)
        return access(release.readyMark, F_OK) == 0 && access(release.path, F_OK) == 0 ? release : nil
    }

    /// Points `current` to a release, in one step.
    func setCurrent(_ release: Release) throws(FileError) {
        let temporary = "\(current).tmp-\(getpid())"
        unlink(temporary)
        guard symlink("releases/" + release.id, temporary) == 0 else { throw FileError("link", temporary) }
        guard rename(temporary, current) == 0 else { throw FileError("switch", current) }
    }

    /// Puts a log aside that has grown too large, or is none: a pipe that an app put there would hold up the next one's
    /// start for good, and what is appended to a hard link ends up in another file. One older part is kept.
    func rotateLog() {
        var status = stat()
        guard lstat(log, &status) == 0 else { return }
        let isLog = status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
        guard !isLog || status.st_size > Self.maxLogBytes else { return }
        // A folder can't take the place of a file.
        unlink(log + ".1")
        rename(log, log + ".1")
    }

    /// Releases that may be deleted: complete or not, all but the newest ``keptReleases`` and those named.
    func superseded(keeping kept: Set<String>) -> [String] {
        let names = SmallFile.names(in: releases)
        let ids = names.filter(Release.isID).map { id -> (id: String, seconds: Int) in
            var status = stat()
            return (id, stat("\(releases)/\(id).ready", &status) == 0 ? status.st_mtim.tv_sec : 0)
        }
        let newest = Set(ids.sorted { ($0.seconds, $0.id) > ($1.seconds, $1.id) }.prefix(Self.keptReleases).map(\.id))
        return ids.map(\.id).filter { !newest.contains($0) && !kept.contains($0) }.sorted()
    }
}
