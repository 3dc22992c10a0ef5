import Foundation
import Glibc

/// What processes have used, from `/proc`.
struct ProcessUsage: Sendable {
    /// CPU seconds (user and system) by component.
    var seconds: [String: Double] = [:]

    /// Reads the usage now. A server's children count for the server, those that have ended included.
    init(of processes: [(name: String, pid: Int32)]) {
        let children = Self.childrenByParent()
        for (name, pid) in processes {
            guard let own = Self.ticks(pid) else { continue }
            var ticks = own.own + own.endedChildren
            for child in children[pid] ?? [] { ticks += Self.ticks(child)?.own ?? 0 }
            seconds[name, default: 0] += Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
    }

    /// What was used since an earlier reading.
    func since(_ earlier: ProcessUsage) -> [String: Double] {
        seconds.merging(earlier.seconds) { $0 - $1 }
    }

    /// Resident memory in MB by component; for PostgreSQL's many processes the proportional set size, in which shared
    /// pages count once.
    static func memory(of processes: [(name: String, pid: Int32)]) -> [String: Double] {
        let children = childrenByParent()
        var memory: [String: Double] = [:]
        for (name, pid) in processes {
            if let descendants = children[pid], name == "postgres" {
                let shares = ([pid] + descendants).compactMap { kilobytes("Pss:", "smaps_rollup", of: $0) }
                memory[name] = shares.reduce(0, +) / 1024
            } else if let resident = kilobytes("VmRSS:", "status", of: pid) {
                memory[name] = resident / 1024
            }
        }
        return memory
    }

    /// User and system time of a process, in ticks (proc(5), fields 14 to 17, counted behind the command's name).
    private static func ticks(_ pid: Int32) -> (own: Int, endedChildren: Int, parent: Int32)? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 14, let parent = Int32(fields[1]) else { return nil }
        let numbers = fields[11...14].compactMap { Int($0) }
        guard numbers.count == 4 else { return nil }
        return (numbers[0] + numbers[1], numbers[2] + numbers[3], parent)
    }

    private static func childrenByParent() -> [Int32: [Int32]] {
        var children: [Int32: [Int32]] = [:]
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(entry), let parent = ticks(pid)?.parent else { continue }
            children[parent, default: []].append(pid)
        }
        return children
    }

    private static func kilobytes(_ field: String, _ file: String, of pid: Int32) -> Double? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/\(file)", encoding: .utf8) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix(field) }
        return line.flatMap { Double($0.filter(\.isNumber)) }
    }
}
