import Foundation
import Glibc

/// The figures as a Markdown document.
struct Report: Sendable {
    /// Versions and settings under which the figures came about.
    struct Facts: Sendable {
        var postgres = ""
        var redis = ""
        var settings: [(String, String)] = []
    }

    let options: Options
    let facts: Facts
    let runs: [Measurement]

    func write(to path: String) throws(BenchError) {
        do {
            try (markdown + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw BenchError("\(path) can't be written: \(error)")
        }
    }

    var markdown: String {
        [
            "# Benchmarks",
            """
            Written by `scripts/bench`. Medians of \(runs.count) runs (least to greatest in brackets). Every run passed the \
            conservation check: all workflows completed, each stage succeeded once in a first attempt, one output and one \
            event for each, no open row, no timer, no dead letter, all streams empty, no process restarted.
            """,
            "## Figures", figures,
            "## What is measured", method,
            "## CPU seconds per 1,000 transitions, by process", cpuTable,
            "## Memory", memoryTable,
            "## Under which conditions", conditions,
            "## Raw figures of each run", rawTable,
        ].joined(separator: "\n\n")
    }

    private var figures: String {
        table(
            ["figure", "median [least to greatest]"],
            [
                [
                    "transitions/s, \(options.workflows) workflows at once, created before",
                    spread(runs.map(\.held.transitionsPerSecond), 0),
                ],
                [
                    "transitions/s, created meanwhile through the API",
                    spread(runs.map(\.mixed.transitionsPerSecond), 0),
                ],
                ["stage to stage, idle, p50 (ms)", spread(runs.map(\.idle.handOver.p50), 2)],
                ["stage to stage, idle, p95 (ms)", spread(runs.map(\.idle.handOver.p95), 2)],
                ["stage to stage, idle, p99 (ms)", spread(runs.map(\.idle.handOver.p99), 2)],
                ["whole workflow of six stages, idle, p50 (ms)", spread(runs.map(\.idle.whole.p50), 1)],
                ["whole workflow of six stages, idle, p95 (ms)", spread(runs.map(\.idle.whole.p95), 1)],
                ["`POST /workflows`, idle, p50 (ms)", spread(runs.map(\.idle.answers.p50), 2)],
                ["`POST /workflows` a second, agents held", spread(runs.map(\.held.creations), 0)],
                ["CPU seconds per 1,000 transitions, created before", spread(runs.map(\.held.cpuPerThousand), 2)],
                ["CPU seconds per 1,000 transitions, creation included", spread(runs.map(\.mixed.cpuPerThousand), 2)],
                ["cores that other programs kept busy during idle figures", spread(runs.map(\.idle.disturbance), 2)],
                ["the same during transitions/s", spread(runs.map(\.held.disturbance), 2)],
                ["8 KiB write with fdatasync here, p50 (ms)", spread(runs.map(\.sync.p50), 2)],
            ])
    }

    private var method: String {
        """
        The workflow is `share/definitions/noop6.yaml`: six stages in sequence, each the action `noop` of one of the five \
        agents (scaffold has two), each its own process. PostgreSQL, Redis, one orchestrator, the agents and the client share \
        the machine. A *transition* is a stage that came to its end; a workflow has six.

        - *Created before*: the agents are stopped (SIGSTOP), all workflows are created, the agents go on (SIGCONT). Time runs \
        from there to the end of the last stage in the record.
        - *Created meanwhile*: time runs from the first `POST /workflows` over \(options.connections) connections to the end \
        of the last stage, so making and answering all requests is part of it.
        - *Stage to stage*: one workflow at a time. The time between the ends of consecutive stages in the record \
        (`tasks.completed_at`, by PostgreSQL's clock, taken when the transaction that accepts the result has locked the \
        workflow). One such step is: the transaction computed, written and committed to disk; the next task published; an \
        agent wakes, takes it, runs nothing and reports; the orchestrator reads the result and begins the next transaction. \
        From one stage's work to the next one's takes the same.
        - *Whole workflow*: from creation to the end of the last stage, by the same clock; it does not include the answer to \
        `POST` nor the last commit.
        - On a machine whose cores are all busy a process that is woken waits for its turn (milliseconds), six times or more \
        a stage: latencies are only comparable if others left the cores alone.
        - *CPU*: user and system time from `/proc/<pid>/stat` of all processes of the stack, PostgreSQL's backends and \
        background processes and Redis included; the client's is listed but not counted.
        - *Memory*: resident set of each process at the end of a run; of PostgreSQL's processes the proportional set.
        """
    }

    private var conditions: String {
        let settings = facts.settings.map { "`\($0.0)=\($0.1)`" }.joined(separator: ", ")
        let memory = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE))) / Double(1 << 30)
        let slots = options.slots.map { "\($0)" } ?? "the default"
        let environment = ProcessInfo.processInfo.environment
        let build = [
            environment["BATON_BENCH_COMMIT"].map { "Baton at \($0)" }, environment["BATON_BENCH_SWIFT"],
            "PostgreSQL \(facts.postgres)", "Redis \(facts.redis)",
        ]
        return """
            - \(build.compactMap { $0 }.joined(separator: ", ")); release build.
            - \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores, \(decimal(memory, 0)) GiB of memory, shared with what else ran \
            (see the last columns).
            - PostgreSQL: \(settings); Redis: append-only file, fsync each second. All as `baton up` starts them.
            - Slots of an agent: \(slots). Warm-up: \(options.warmup) workflows. One at a time: \(options.idle) workflows a run.
            """
    }

    private var cpuTable: String {
        let names = components(runs.first?.held.cpu ?? [:])
        let rows = names.map { name in
            [
                name, decimal(median(runs.map { perThousand($0.held, name) }), 3),
                decimal(median(runs.map { perThousand($0.mixed, name) }), 3),
            ]
        }
        return table(["process", "created before", "creation included"], rows)
    }

    private var memoryTable: String {
        let rows = components(runs.first?.memory ?? [:]).map { name in
            [name, decimal(median(runs.compactMap { $0.memory[name] }), 0)]
        }
        return table(["process", "MB"], rows)
    }

    private var rawTable: String {
        let rows = runs.enumerated().map { index, run in
            let handOver = run.idle.handOver
            return [
                "\(index + 1)", decimal(run.held.transitionsPerSecond, 0), decimal(run.mixed.transitionsPerSecond, 0),
                "\(decimal(handOver.p50, 2)) / \(decimal(handOver.p95, 2)) / \(decimal(handOver.p99, 2))",
                "\(decimal(run.idle.whole.p50, 1)) / \(decimal(run.idle.whole.p95, 1))",
                decimal(run.held.cpuPerThousand, 2), decimal(run.mixed.cpuPerThousand, 2),
                decimal(run.held.creations, 0),
                "\(decimal(run.held.answers.p50, 1)) / \(decimal(run.held.answers.p99, 1))",
                decimal(run.sync.p50, 2),
                [run.idle.disturbance, run.held.disturbance, run.mixed.disturbance].map { decimal($0, 2) }
                    .joined(separator: " / "),
            ]
        }
        return table(
            [
                "run", "transitions/s", "while creating", "stage to stage p50 / p95 / p99", "whole p50 / p95", "CPU",
                "CPU while creating", "POST/s", "POST p50 / p99 (loaded)", "fdatasync p50",
                "cores used by others (idle / created before / meanwhile)",
            ], rows)
    }

    private func perThousand(_ burst: Measurement.Burst, _ name: String) -> Double {
        (burst.cpu[name] ?? 0) / burst.transitions * 1000
    }

    /// The servers first, this program last.
    private func components(_ values: [String: Double]) -> [String] {
        let order = ["postgres", "redis", "orchestrator"]
        func rank(_ name: String) -> Int {
            order.firstIndex(of: name) ?? (name == Measurement.client ? order.count + 1 : order.count)
        }
        return values.keys.filter { $0 != Measurement.others }.sorted { (rank($0), $0) < (rank($1), $1) }
    }

    private func table(_ head: [String], _ rows: [[String]]) -> String {
        ([head, head.map { _ in "---" }] + rows).map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
    }
}
