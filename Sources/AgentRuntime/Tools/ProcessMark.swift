import Glibc

/// Which process something belongs to, in a form that a reused process id can't forge: `<pid>:<start time>`.
///
/// The start time is field 22 of `/proc/<pid>/stat` (clock ticks since boot), see proc(5).
struct ProcessMark: Sendable, Hashable, CustomStringConvertible {
    /// The variable that every tool of an attempt is started with.
    static let variable = "BATON_OWNER"

    let processID: Int32
    let startTime: UInt64

    init(processID: Int32, startTime: UInt64) {
        self.processID = processID
        self.startTime = startTime
    }

    /// The mark of a process that runs now; nil when there is none.
    init?(of processID: Int32) {
        guard let startTime = ProcessTable.startTime(of: processID) else { return nil }
        self.init(processID: processID, startTime: startTime)
    }

    /// Reads what ``description`` wrote.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let processID = Int32(parts[0]), processID > 0, let startTime = UInt64(parts[1]) else {
            return nil
        }
        self.init(processID: processID, startTime: startTime)
    }

    /// The mark of this process.
    static var own: ProcessMark {
        ProcessMark(of: getpid()) ?? ProcessMark(processID: getpid(), startTime: 0)
    }

    /// Whether that very process still runs.
    var isAlive: Bool { ProcessTable.startTime(of: processID) == startTime }

    var description: String { "\(processID):\(startTime)" }
}

/// What `/proc` says of the processes of this machine.
enum ProcessTable {
    /// Start time in clock ticks since boot; nil for a process that is gone or a zombie.
    static func startTime(of processID: Int32) -> UInt64? {
        guard let fields = statFields(of: processID), fields.count > 19, fields[0] != "Z", fields[0] != "X" else {
            return nil
        }
        return UInt64(fields[19])
    }

    /// The process group of a process.
    static func group(of processID: Int32) -> Int32? {
        guard let fields = statFields(of: processID), fields.count > 2 else { return nil }
        return Int32(fields[2])
    }

    /// Ids of all processes that can be seen.
    static func all() -> [Int32] { FileSystem.names(in: "/proc").compactMap { Int32($0) } }

    /// The namespace that a process's id belongs to; nil when it can't be read.
    static func namespace(of process: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                characters.baseAddress.map { readlink("/proc/\(process)/ns/pid", $0, characters.count) } ?? 0
            }
        }
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }

    /// One variable of the environment that a process was started with; nil when it has none or can't be read.
    static func variable(_ name: String, of processID: Int32) -> String? {
        guard let bytes = try? FileSystem.read("/proc/\(processID)/environ", maxBytes: 4 << 20) else { return nil }
        let prefix = Array((name + "=").utf8)
        for entry in bytes.split(separator: 0) where entry.starts(with: prefix) {
            return String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)
        }
        return nil
    }

    /// The fields of `/proc/<pid>/stat` from the third (the state) on; the second may hold spaces and parentheses.
    private static func statFields(of processID: Int32) -> [Substring]? {
        guard let bytes = try? FileSystem.read("/proc/\(processID)/stat", maxBytes: 64 << 10) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }
}
