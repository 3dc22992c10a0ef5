import ArgumentParser
import Foundation
import Glibc

/// `BatonChaos`: everything goes wrong under load, and then nothing may be lost, doubled or stuck.
@main
struct BatonChaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Kills, stops, wipes and cuts off at random under load, then judges the record.",
        discussion: """
            The schedule of faults, load and operators follows from the seed; how the processes interleave does not. \
            Exit status: 0 nothing was lost, doubled or left; 1 something was.
            """)

    @Option(help: "How long faults go on, in minutes.")
    var minutes = 1.0

    @Option(help: "The seed; a random one if it is left out.")
    var seed: UInt64?

    @Option(help: "How many orchestrators run.")
    var orchestrators = 3

    @Option(help: "Workflows created a second, about.")
    var load = 3.0

    @Option(help: "Writes the report to this file, too.")
    var report: String?

    @Option(help: "Keeps the logs of all processes in this directory.")
    var logs: String?

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let plan = ChaosPlan(
            seconds: minutes * 60, seed: seed ?? .random(in: .min ... .max), orchestrators: orchestrators, load: load,
            logs: logs)
        ChaosRun.say("\(Int(plan.seconds)) s with seed \(plan.seed)")
        let outcome = try await ChaosRun.run(plan)
        let text = ChaosReport(plan: plan, outcome: outcome).markdown
        print(text)
        if let report { try text.write(toFile: report, atomically: true, encoding: .utf8) }
        if !outcome.isSound { throw ExitCode(1) }
    }
}

/// What is to be done.
struct ChaosPlan: Sendable {
    var seconds: Double
    var seed: UInt64
    var orchestrators: Int
    var load: Double
    var logs: String?
}
