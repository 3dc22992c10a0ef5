import Foundation
import Glibc

/// A process that can't be confused with a later one that got the same pid.
///
/// The start time is field 22 of `/proc/<pid>/stat` (proc(5)): clock ticks between boot and the start of the process.
public struct ProcessIdentity: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The process id.
    public var pid: Int32
    /// Clock ticks from boot to the start of the process.
    public var startTime: UInt64

    enum CodingKeys: String, CodingKey {
        case pid
        case startTime = "start_time"
    }

    /// Names a process of which pid and start time are known.
    public init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// The process that has this pid now; nil if there is none.
    public init?(pid: Int32) {
        guard let stat = ProcessStat(pid: pid) else { return nil }
        self.init(pid: pid, startTime: stat.startTime)
    }

    /// Reads the form `<pid>:<start time>` of `BATON_OWNER`.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let pid = Int32(parts[0]), pid > 0, let start = UInt64(parts[1]) else { return nil }
        self.init(pid: pid, startTime: start)
    }

    /// This process.
    public static var current: ProcessIdentity {
        ProcessIdentity(pid: getpid()) ?? ProcessIdentity(pid: getpid(), startTime: 0)
    }

    /// The form that `BATON_OWNER` takes: `<pid>:<start time>`.
    public var description: String { "\(pid):\(startTime)" }

    /// Whether this very process still runs. A zombie (ended, not yet collected by its parent) doesn't.
    public var isAlive: Bool {
        guard let stat = ProcessStat(pid: pid) else { return false }
        return stat.startTime == startTime && !stat.isZombie
    }

    /// Sends a signal to the process, if it is still this one.
    ///
    /// - Returns: whether the signal was sent.
    @discardableResult
    public func send(_ signal: Int32) -> Bool {
        isAlive && Glibc.kill(pid, signal) == 0
    }

    /// Sends a signal to the process group that this process leads, if it is still this process.
    ///
    /// - Returns: whether the signal was sent.
    @discardableResult
    public func sendToGroup(_ signal: Int32) -> Bool {
        guard isAlive, ProcessStat(pid: pid)?.group == pid else { return false }
        return Glibc.kill(-pid, signal) == 0
    }

    /// An identifier of this boot of the machine; pids and start times of another boot mean nothing.
    public static var bootID: String {
        guard let bytes = fileBytes("/proc/sys/kernel/random/boot_id") else { return "unknown" }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// The fields of `/proc/<pid>/stat` that the stack looks at (proc(5)).
struct ProcessStat {
    var state: UInt8
    var group: Int32
    var startTime: UInt64

    var isZombie: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

    init?(pid: Int32) {
        guard let bytes = fileBytes("/proc/\(pid)/stat") else { return nil }
        self.init(parsing: bytes)
    }

    /// The command name stands in parentheses and may itself contain spaces and parentheses, so the fields are counted
    /// from the last `)`: state is the third, the process group the fifth, the start time the twenty-second.
    init?(parsing bytes: [UInt8]) {
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count >= 20, let state = fields[0].first,
            let group = Int32(String(decoding: fields[2], as: UTF8.self)),
            let startTime = UInt64(String(decoding: fields[19], as: UTF8.self))
        else { return nil }
        self.state = state
        self.group = group
        self.startTime = startTime
    }
}
