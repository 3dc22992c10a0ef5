import Glibc

@testable import AgentRuntime

extension ProcessTable {
    /// The working directory of a process.
    static func directory(of processID: Int32) -> String? { FileSystem.realPath("/proc/\(processID)/cwd") }

    /// Whether within 5 s the process has ended; one that was killed takes a moment to go.
    static func isSoonGone(_ processID: Int32) async -> Bool {
        for _ in 0..<100 {
            if startTime(of: processID) == nil { return true }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    /// Whether within 5 s no process has its working directory there any more; one that was killed takes a moment to go.
    static func isSoonLeft(_ directory: String) async -> Bool {
        for _ in 0..<100 {
            if all().allSatisfy({ self.directory(of: $0) != directory }) { return true }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return false
    }
}
