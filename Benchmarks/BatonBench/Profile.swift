import Glibc

/// Where the CPU time of a transition goes: by process, by PostgreSQL's backends and statements, by Redis' commands.
///
/// CPU time tells more than rates where other programs share the machine.
struct Profile: Sendable {
    /// What the command line asks for, after `profile`.
    struct Settings: Sendable {
        static let usage = """
            usage: BatonBench profile [--rounds 3] [--workflows 2000] [--warmup 500] [--postgres NAME=VALUE]

              --rounds N       how often so many workflows run at once; sums over the rounds are shown
              --workflows N    how many workflows run at once in each round, created while the agents are held
              --warmup N       how many run before anything is measured
              --postgres N=V   a setting of PostgreSQL, may be given more than once
            """
        var rounds = 3
        var bench: Options

        init(_ arguments: [String]) throws(BenchError) {
            var rest = arguments[...]
            var others: [String] = []
            while let flag = rest.popFirst() {
                guard let value = rest.popFirst() else { throw BenchError("\(flag) needs a value\n\(Self.usage)") }
                if flag == "--rounds" {
                    guard let number = Int(value), (1...1000).contains(number) else {
                        throw BenchError("--rounds is \"\(value)\"; expected a number from 1 to 1000")
                    }
                    rounds = number
                } else {
                    others += [flag, value]
                }
            }
            bench = try Options(others)
            bench.postgres["shared_preload_libraries"] = "pg_stat_statements"
        }
    }

    let settings: Settings

    /// Measures, and prints tables.
    func run() async throws {
        say("Starting PostgreSQL, Redis, the orchestrator and five agents.")
        let bench = try await Bench.start(settings.bench)
        do {
            try await measure(bench)
        } catch {
            await bench.stop()
            throw error
        }
        await bench.stop()
    }

    private func measure(_ bench: Bench) async throws {
        try await bench.warmUp()
        let hasStatements = try await bench.record.countStatements()
        var cpu: [String: Double] = [:]
        var backends: [String: Double] = [:]
        var commands: [String: (calls: Double, microseconds: Double)] = [:]
        var transitions = 0.0
        var rates: [Double] = []
        for round in 1...settings.rounds {
            let burst = try await bench.burst(isHeld: true) { record in
                try await record.resetStatements(hasStatements)
                return Moment(
                    backends: ProcessUsage.ofEach(try await record.backends()), commands: try await record.commands())
            } whenOver: { record, before in
                for (name, seconds) in ProcessUsage.ofEach(try await record.backends()) {
                    backends[name, default: 0] += seconds - (before.backends[name] ?? 0)
                }
                for (name, now) in try await record.commands() {
                    let then = before.commands[name] ?? (0, 0)
                    commands[name, default: (0, 0)].calls += now.calls - then.calls
                    commands[name, default: (0, 0)].microseconds += now.microseconds - then.microseconds
                }
            }
            for (name, seconds) in burst.cpu { cpu[name, default: 0] += seconds }
            transitions += burst.transitions
            rates.append(burst.transitionsPerSecond)
            say(
                "round \(round): \(decimal(burst.transitionsPerSecond, 0)) transitions/s, "
                    + "\(decimal(burst.cpuPerThousand, 3)) s CPU per 1,000")
        }
        let own = cpu.filter { ![Measurement.client, Measurement.others].contains($0.key) }
        var lines = ["| CPU, µs a transition | |", "| --- | --- |"]
        lines.append("| all processes | \(decimal(own.values.reduce(0, +) / transitions * 1e6)) |")
        for (name, seconds) in cpu.sorted(by: { $0.key < $1.key }) {
            lines.append("| \(name) | \(decimal(seconds / transitions * 1e6)) |")
        }
        for (name, seconds) in backends.sorted(by: { $0.value > $1.value }) where seconds > 0 {
            lines.append("| postgres: \(name) | \(decimal(seconds / transitions * 1e6)) |")
        }
        lines += ["", "| Redis command | calls a transition | µs a transition |", "| --- | --- | --- |"]
        for (name, sum) in commands.sorted(by: { $0.value.microseconds > $1.value.microseconds })
        where sum.microseconds / transitions >= 0.05 {
            lines.append(
                "| \(name) | \(decimal(sum.calls / transitions, 3)) | \(decimal(sum.microseconds / transitions, 2)) |")
        }
        lines += ["", "| statement of the last round | calls | rows | µs a transition |", "| --- | --- | --- | --- |"]
        let last = transitions / Double(settings.rounds)
        for statement in hasStatements ? try await bench.record.statements() : [] {
            lines.append(
                "| `\(statement.text)` | \(statement.calls) | \(statement.rows) | "
                    + "\(decimal(statement.milliseconds * 1000 / last)) |")
        }
        lines += ["", "transitions/s: \(spread(rates, 0))"]
        print(lines.joined(separator: "\n"))
    }

    /// What was used when a round began.
    private struct Moment: Sendable {
        var backends: [String: Double]
        var commands: [String: (calls: Double, microseconds: Double)]
    }
}
