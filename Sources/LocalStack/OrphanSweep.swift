import Foundation
import Glibc

/// Finds and kills what a dead owner left running.
///
/// Every tool that an agent starts carries `BATON_OWNER=<pid>:<start time>` in its environment, and every process of a
/// stack carries `BATON_STACK=<data directory>`. Deployed apps carry neither: they are meant to outlive everything.
public enum OrphanSweep {
    /// The variable that names the owner of a process.
    public static let ownerVariable = "BATON_OWNER"
    /// The variable that names the data directory of the stack that a process belongs to.
    public static let stackVariable = "BATON_STACK"

    /// A process that was found and killed with its group.
    public struct Victim: Sendable, Hashable {
        /// The process.
        public var process: ProcessIdentity
        /// Its command line, cut at 120 characters.
        public var command: String
    }

    /// Kills (SIGKILL) the process groups of all processes whose `BATON_OWNER` is dead.
    ///
    /// - Returns: the processes that carried the mark of a dead owner.
    @discardableResult
    public static func killOrphans() -> [Victim] {
        sweep { environment in
            guard let owner = environment[ownerVariable].flatMap(ProcessIdentity.init(_:)) else { return false }
            return !owner.isAlive
        }
    }

    /// Kills what an earlier supervisor of this data directory left behind without having recorded it.
    ///
    /// Call it only while holding the lock of the data directory.
    @discardableResult
    public static func killLeftovers(ofStack dataDirectory: String) -> [Victim] {
        kill(marked: stackVariable, with: dataDirectory)
    }

    /// Kills (SIGKILL) the process groups of all processes that were started with this variable set to this value.
    @discardableResult
    public static func kill(marked variable: String, with value: String) -> [Victim] {
        sweep { $0[variable] == value }
    }

    private static func sweep(matching: ([String: String]) -> Bool) -> [Victim] {
        var victims: [Victim] = []
        let ownNamespace = pidNamespace(of: "self")
        let ownGroup = getpgrp()
        for pid in ProcessTable.pids() where pid != getpid() {
            // A pid means something else inside another pid namespace (a container): leave those alone.
            guard pidNamespace(of: "\(pid)") == ownNamespace, matching(ProcessTable.environment(of: pid)),
                let identity = ProcessIdentity(pid: pid), let group = ProcessStat(pid: pid)?.group
            else { continue }
            victims.append(Victim(process: identity, command: String(ProcessTable.command(of: pid).prefix(120))))
            // A group is killed as a whole, for its members may have cleared their environment; but never our own.
            if group > 1 && group != ownGroup { Glibc.kill(-group, SIGKILL) } else { identity.send(SIGKILL) }
        }
        return victims
    }

    private static func pidNamespace(of process: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/pid")
    }
}

/// What /proc tells about the processes of this machine.
enum ProcessTable {
    static func pids() -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }
    }

    /// The environment that the process was started with; empty if it may not be read.
    static func environment(of pid: Int32) -> [String: String] {
        var result: [String: String] = [:]
        for entry in (fileBytes("/proc/\(pid)/environ") ?? []).split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            result[String(decoding: entry[..<equals], as: UTF8.self)] =
                String(decoding: entry[(equals + 1)...], as: UTF8.self)
        }
        return result
    }

    static func command(of pid: Int32) -> String {
        let bytes = (fileBytes("/proc/\(pid)/cmdline") ?? []).map { $0 == 0 ? UInt8(ascii: " ") : $0 }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    }
}
