import Glibc
import LocalStack

/// What the command line asks for.
struct Options: Sendable {
    static let usage = """
        usage: BatonBench [--runs 5] [--workflows 2000] [--idle 200] [--warmup 500] [--connections 8]
                          [--slots N] [--postgres NAME=VALUE] [--report FILE]
               BatonBench soak …      holds a full database against an empty one; see BatonBench soak --help
               BatonBench profile …   tells where the CPU time of a transition goes; see BatonBench profile --help

          --runs N         how often everything is measured; medians are shown
          --workflows N    how many workflows run at once (at most 10000)
          --idle N         how many workflows run one at a time, in each run
          --warmup N       how many run before anything is measured
          --connections N  how many connections create workflows
          --slots N        BATON_AGENT_SLOTS of each agent, instead of its default
          --postgres N=V   a setting of PostgreSQL, may be given more than once
          --report FILE    also write the report, as Markdown, to this file
        """

    var runs = 5
    var workflows = 2000
    var idle = 200
    var warmup = 500
    var connections = 8
    var slots: Int?
    var postgres: [String: String] = [:]
    var report: String?

    init(_ arguments: [String]) throws(BenchError) {
        var rest = arguments[...]
        while let flag = rest.popFirst() {
            guard let value = rest.popFirst() else { throw BenchError("\(flag) needs a value\n\(Self.usage)") }
            switch flag {
            case "--runs": runs = try Self.number(value, of: flag, in: 1...1000)
            case "--workflows": workflows = try Self.number(value, of: flag, in: 1...10_000)
            case "--idle": idle = try Self.number(value, of: flag, in: 1...100_000)
            case "--warmup": warmup = try Self.number(value, of: flag, in: 1...10_000)
            case "--connections": connections = try Self.number(value, of: flag, in: 1...64)
            case "--slots": slots = try Self.number(value, of: flag, in: 1...1000)
            case "--postgres":
                let parts = value.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2 else { throw BenchError("--postgres is \"\(value)\"; expected NAME=VALUE") }
                postgres[parts[0]] = parts[1]
            case "--report": report = value
            default: throw BenchError("\(flag) is unknown\n\(Self.usage)")
            }
        }
    }

    private static func number(
        _ text: String, of flag: String, in range: ClosedRange<Int>
    ) throws(BenchError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            let limits = "\(range.lowerBound) to \(range.upperBound)"
            throw BenchError("\(flag) is \"\(text)\"; expected a number from \(limits)")
        }
        return number
    }
}

/// Why there are no numbers.
struct BenchError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// Seconds since 1970 by the machine's clock, which PostgreSQL on the same machine reads too.
func wallClock() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Writes a line to the standard error output.
func say(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
