import AgentProtocol
import FuzzKit
import JSONTools
import ProjectTools
import WorkflowCore

/// What agents read of somebody's project, and the small notations.
extension Targets {
    static func manifest() -> FuzzTarget {
        FuzzTarget("manifest", .json) { input in
            guard let value = try? JSONValue(parsing: input) else { return .refused("no JSON") }
            do throws(ManifestError) {
                let manifest = try ProjectManifest(json: value)
                for path in manifest.reports.values where path.hasPrefix("/") || path.utf8.contains(0) {
                    return .broken("'\(path)' leads out of the project")
                }
                for path in manifest.reports.values where path.split(separator: "/").contains("..") {
                    return .broken("'\(path)' leads out of the project")
                }
                let isClean = manifest.commands.values.joined().allSatisfy { list in
                    !list.isEmpty && list.allSatisfy { !$0.utf8.contains(0) }
                }
                return isClean ? .accepted : .broken("a command is empty or holds NUL")
            } catch {
                if let fault = fault(inMessage: error.message) { return .broken(fault) }
                return .refused(kind("\(error.pointer) \(error.message)"))
            }
        }
    }

    static func junit() -> FuzzTarget {
        FuzzTarget("junit", .xml) { input in
            do throws(JUnitReport.ParsingError) {
                let cases = try JUnitReport.parse(input)
                let size = cases.reduce(0) { $0 + $1.name.utf8.count }
                return size <= 16 * input.count + 1024 ? .accepted : .broken("the names have \(size) bytes")
            } catch {
                if let fault = fault(inMessage: error.description) { return .broken(fault) }
                return .refused(kind(error.description))
            }
        }
    }

    static func console() -> FuzzTarget {
        FuzzTarget("console", .text) { input in
            guard let summary = TestSummary(console: String(decoding: input, as: UTF8.self)) else {
                return .refused("none")
            }
            guard summary.passed >= 0, summary.failed >= 0, summary.skipped >= 0 else { return .broken("\(summary)") }
            return .accepted
        }
    }

    /// The small notations: ids, times, durations, pointers, names and locations for git.
    static func notations() -> FuzzTarget {
        FuzzTarget("notations", .text, maxBytes: 8 << 10) { input in
            guard let text = String(validating: input, as: UTF8.self) else { return .refused("no UTF-8") }
            var accepted = false
            if let id = UniqueID(text) {
                accepted = true
                if UniqueID("\(id)") != id { return .broken("an id differs when it is read again") }
            }
            if let id = DispatchID(text) {
                accepted = true
                if DispatchID("\(id)") != id { return .broken("a dispatch id differs when it is read again") }
            }
            if let time = Timestamp(rfc3339: text) {
                accepted = true
                guard let again = Timestamp(rfc3339: "\(time)") else { return .broken("\(time) is not read again") }
                if again.milliseconds != time.milliseconds { return .broken("a time differs when it is read again") }
            }
            if let duration = try? DurationNotation.parse(text) {
                accepted = true
                let written = DurationNotation.format(duration)
                guard let again = try? DurationNotation.parse(written) else {
                    return .broken("\(written) is not read again")
                }
                if again != duration { return .broken("a duration differs when it is read again") }
            }
            if let pointer = JSONPointer(text) {
                accepted = true
                if JSONPointer("\(pointer)") != pointer { return .broken("a pointer differs when it is read again") }
            }
            if GitName.isBranch(text) {
                accepted = true
                if text.hasPrefix("-") || text.utf8.contains(where: { $0 < 0x21 || $0 == 0x7F }) {
                    return .broken("\(text.debugDescription) is a branch")
                }
            }
            if GitName.isLocation(text) {
                accepted = true
                if text.hasPrefix("-") || text.utf8.contains(0x0A) {
                    return .broken("\(text.debugDescription) is a location")
                }
                let shown = GitName.redacted(text)
                if let scheme = shown.firstRange(of: "://") {
                    let user = shown[scheme.upperBound...].prefix { $0 != "/" }.split(separator: "@", maxSplits: 1)
                        .first
                    if shown[scheme.upperBound...].prefix(while: { $0 != "/" }).contains("@"), user != "…" {
                        return .broken("a password may be shown: \(shown)")
                    }
                }
            }
            return accepted ? .accepted : .refused("none")
        }
    }
}
