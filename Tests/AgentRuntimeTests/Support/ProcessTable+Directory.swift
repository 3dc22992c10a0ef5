import Glibc

@testable import AgentRuntime

extension ProcessTable {
    /// The working directory of a process.
    static func directory(of processID: Int32) -> String? { FileSystem.realPath("/proc/\(processID)/cwd") }
}
