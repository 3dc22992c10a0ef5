import Glibc

/// Holds a database full of finished workflows against an empty one: lists and advance must not suffer.
///
/// Two private stacks run side by side and are measured in turn, so that whatever else the machine does falls on both.
struct Soak: Sendable {
    /// What the command line asks for, after `soak`.
    struct Settings: Sendable {
        static let usage = """
            usage: BatonBench soak [--finished 200000] [--rounds 15] [--workflows 500] [--report FILE]

              --finished N     how many finished workflows the full database has
              --rounds N       how often both are measured; medians are compared
              --workflows N    how many workflows run at once in each round
              --report FILE    also write the report, as Markdown, to this file
            """
        var finished = 200_000
        var rounds = 15
        var workflows = 500
        var report: String?

        init(_ arguments: [String]) throws(BenchError) {
            var rest = arguments[...]
            while let flag = rest.popFirst() {
                guard let value = rest.popFirst() else { throw BenchError("\(flag) needs a value\n\(Self.usage)") }
                func number(_ range: ClosedRange<Int>) throws(BenchError) -> Int {
                    guard let number = Int(value), range.contains(number) else {
                        throw BenchError("\(flag) is \"\(value)\"; expected a number from \(range)")
                    }
                    return number
                }
                switch flag {
                case "--finished": finished = try number(1000...10_000_000)
                case "--rounds": rounds = try number(1...1000)
                case "--workflows": workflows = try number(1...10_000)
                case "--report": report = value
                default: throw BenchError("\(flag) is unknown\n\(Self.usage)")
                }
            }
        }
    }

    /// The most that a full database may take longer.
    static let limit = 1.2
    /// So many requests of each kind make one round.
    private static let requests = 40

    /// What is asked for; `{next}` is a cursor from ten pages further down, `{id}` a workflow.
    static let questions: [(name: String, path: String)] = [
        ("list, first page", "/api/v1/workflows?limit=50"),
        ("list, by status", "/api/v1/workflows?status=completed&limit=50"),
        ("list, what runs (nothing)", "/api/v1/workflows?status=running&limit=50"),
        ("list, by type", "/api/v1/workflows?type=noop6&limit=50"),
        ("list, eleventh page by cursor", "/api/v1/workflows?limit=50&cursor={next}"),
        ("list, by name", "/api/v1/workflows?sort=name&limit=50"),
        ("list, last updated first", "/api/v1/workflows?sort=-updated_at&limit=50"),
        ("one workflow", "/api/v1/workflows/{id}"),
    ]

    /// Medians of the rounds.
    struct Comparison: Sendable {
        var name: String
        var unit: String
        var empty: [Double] = []
        var full: [Double] = []
        /// Whether larger is better.
        var isRate = false

        /// How much worse the full one is: 1 is the same, 1.2 a fifth worse. The median of the rounds' ratios.
        var ratio: Double { median(zip(empty, full).map { isRate ? $0 / $1 : $1 / $0 }) }
        var isWithin: Bool { ratio <= Soak.limit }
    }

    let settings: Settings

    /// Measures, and prints a table.
    ///
    /// - Returns: whether all is within the limit.
    func run() async throws -> Bool {
        var benchOptions = try Options([])
        benchOptions.workflows = settings.workflows
        benchOptions.warmup = 600
        benchOptions.idle = 20
        say("Starting two stacks.")
        let empty = try await Bench.start(benchOptions)
        do {
            let full = try await Bench.start(benchOptions)
            do {
                let comparisons = try await compare(empty, full)
                await full.stop()
                await empty.stop()
                return try show(comparisons)
            } catch {
                await full.stop()
                throw error
            }
        } catch {
            await empty.stop()
            throw error
        }
    }

    private func compare(_ empty: Bench, _ full: Bench) async throws -> [Comparison] {
        for bench in [empty, full] { try await bench.warmUp() }
        say("Filling one with \(settings.finished) finished workflows.")
        let begun = wallClock()
        try await full.record.fill(settings.finished)
        say("Filled in \(decimal(wallClock() - begun, 0)) s: \(try await full.record.sizes()).")
        for bench in [empty, full] { try await bench.record.vacuum() }
        var lists = Self.questions.map { Comparison(name: $0.name, unit: "ms") }
        var advance = Comparison(name: "advance", unit: "transitions/s", isRate: true)
        var handOver = Comparison(name: "stage to stage, idle", unit: "ms")
        for round in 1...settings.rounds {
            // In turn first, so that neither always has the warmer machine.
            var order = [(empty, \Comparison.empty), (full, \Comparison.full)]
            if round % 2 == 0 { order.reverse() }
            for (bench, place) in order {
                for (index, question) in Self.questions.enumerated() {
                    lists[index][keyPath: place].append(try await bench.answerTime(question.path, count: Self.requests))
                }
                let run = try await bench.soakRun()
                advance[keyPath: place].append(run.transitionsPerSecond)
                handOver[keyPath: place].append(run.handOver)
            }
            say("round \(round) of \(settings.rounds) is done")
        }
        return lists + [advance, handOver]
    }

    private func show(_ comparisons: [Comparison]) throws -> Bool {
        var lines = [
            "| what | empty | \(settings.finished) finished | ratio |", "| --- | --- | --- | --- |",
        ]
        for item in comparisons {
            lines.append(
                "| \(item.name), \(item.unit) | \(spread(item.empty, 2)) | \(spread(item.full, 2)) | "
                    + "\(decimal(item.ratio, 2))\(item.isWithin ? "" : " (more than \(Self.limit))") |")
        }
        let text = lines.joined(separator: "\n") + "\n"
        print(text)
        if let path = settings.report {
            guard let file = fopen(path, "w") else { throw BenchError("\(path): error \(errno)") }
            fputs(text, file)
            fclose(file)
        }
        return comparisons.allSatisfy(\.isWithin)
    }
}
