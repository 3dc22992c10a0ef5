import Foundation
import Glibc

/// What processes have used, from `/proc`.
struct ProcessUsage: Sendable {
    /// CPU seconds (user and system) by component.
    var seconds: [String: Double] = [:]

    /// Reads the usage now. PostgreSQL's children count for it, those that have ended included. What all other programs
    /// of the machine have used stands under `others`.
    init(of processes: [(name: String, pid: Int32)]) {
        let children = Self.childrenByParent()
        var ours = 0
        for (name, pid) in processes {
            guard let own = Self.ticks(pid) else { continue }
            var ticks = own.own
            if name == "postgres" {
                ticks += own.endedChildren
                for child in children[pid] ?? [] { ticks += Self.ticks(child)?.own ?? 0 }
            }
            ours += ticks
            seconds[name, default: 0] += Self.seconds(ticks)
        }
        seconds[Measurement.others] = Self.seconds(Self.busyTicks() - ours)
    }

    /// CPU seconds of some processes by name, without their children.
    static func ofEach(_ processes: [(name: String, pid: Int32)]) -> [String: Double] {
        var seconds: [String: Double] = [:]
        for (name, pid) in processes {
            if let own = ticks(pid)?.own { seconds[name, default: 0] += Self.seconds(own) }
        }
        return seconds
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

    private static func seconds(_ ticks: Int) -> Double { Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK))) }

    /// Time of all cores that was neither idle nor waiting, in ticks (proc(5), /proc/stat); what a hypervisor gave to
    /// others counts, for nobody here had it.
    private static func busyTicks() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8),
            let line = text.split(separator: "\n").first
        else { return 0 }
        let fields = line.split(separator: " ").dropFirst().prefix(8).compactMap { Int($0) }
        return fields.enumerated().filter { ![3, 4].contains($0.offset) }.reduce(0) { $0 + $1.element }
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
