import ArgumentParser
import Foundation
import FuzzKit
import Glibc

/// Feeds every parser of what comes from outside with mutated inputs, seeded, so that a failure can be had again.
@main
struct BatonFuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "BatonFuzz", abstract: "Feed the parsers with mutated inputs.",
        discussion: """
            The inputs of the corpus come first, each time. An input that breaks a promise or a limit, crashes or hangs is in \
            the scratch file, its length in the first line.
            """
    )

    @Option(help: "One target, or all.")
    var target = "all"

    @Option(help: "How many inputs for each target.")
    var count = 1_000_000

    @Option(help: "Where the random numbers begin.")
    var seed: UInt64 = 1

    @Option(help: "Folder with a folder of inputs for each target.")
    var corpus = "Tests/BatonFuzz/Corpus"

    @Option(help: "File that holds the input at hand.")
    var scratch = "/tmp/baton-fuzz-input"

    @Option(help: "CPU time that one input may take, in milliseconds.")
    var limit = 1000

    @Option(help: "Memory that the process may have while a target is fed, in MiB; four times that and it ends.")
    var memory = 256

    @Option(help: "File to keep the last target's slowest input in.")
    var slowest: String?

    @Option(help: "A file to feed once, to have a failure again.")
    var replay: String?

    @Flag(help: "A line of Markdown for each target.")
    var table = false

    func run() throws {
        let targets = Targets.all().filter { target == "all" || $0.name == target }
        guard !targets.isEmpty else {
            throw ValidationError("--target is one of \(Targets.all().map(\.name).joined(separator: ", ")), or all")
        }
        if let replay { return try feedAgain(replay, to: targets) }
        var room = rlimit(rlim_cur: rlim_t(memory) << 22, rlim_max: rlim_t(memory) << 22)
        guard setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &room) == 0 else {
            throw ValidationError("no limit on memory can be set")
        }
        let file = try ScratchFile(scratch)
        let watch = HangWatch(seconds: 60)
        let run = FuzzRun(
            limits: FuzzRun.Limits(secondsPerInput: Double(limit) / 1000, mebibytes: memory),
            willFeed: { input in
                file.write(input)
                watch.note()
            })
        if table {
            print("| target | inputs | accepted | ways of refusal | inputs/s | slowest | peak memory |")
            print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        }
        var isGood = true
        for target in targets {
            let known = try FuzzCorpus.inputs(of: target.name, in: corpus)
            let report = run.feed(target, corpus: known, count: count, seed: seed)
            print(table ? row(report) : line(report))
            fflush(nil)
            isGood = isGood && report.failure == nil
            if let slowest { try Data(report.slowestInput).write(to: URL(filePath: slowest)) }
            // What comes next would be written over it.
            if !isGood { break }
        }
        if !isGood { throw ExitCode(1) }
    }

    private func feedAgain(_ path: String, to targets: [FuzzTarget]) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ValidationError("\(path) can't be read")
        }
        var isGood = true
        for target in targets {
            let broken = target.brokenPromise(of: Array(data))
            print("\(target.name): \(broken ?? "as promised")")
            isGood = isGood && broken == nil
        }
        if !isGood { throw ExitCode(1) }
    }

    private func line(_ report: FuzzRun.Report) -> String {
        let figures =
            "\(report.name): \(report.inputs) inputs in \(Int(report.cpuSeconds)) s of CPU time, \(report.accepted) valid, "
            + "\(report.refusals) ways of refusal, slowest \(milliseconds(report.slowestSeconds)) ms "
            + "(\(report.slowestInput.count) bytes), peak \(report.peakMebibytes) MiB"
        guard let failure = report.failure else { return "✔ \(figures)" }
        return "✘ \(figures)\n  \(failure.promise)\n  \(failure.input.count) bytes, kept in \(scratch): "
            + String(decoding: failure.input.prefix(300), as: UTF8.self).debugDescription
    }

    private func row(_ report: FuzzRun.Report) -> String {
        let rate = Int(Double(report.inputs) / max(report.cpuSeconds, 0.001))
        let failure = report.failure.map { " ✘ \($0.promise)" } ?? ""
        return "| \(report.name) | \(report.inputs) | \(report.accepted) | \(report.refusals) | \(rate) | "
            + "\(milliseconds(report.slowestSeconds)) ms | \(report.peakMebibytes) MiB |\(failure)"
    }

    private func milliseconds(_ seconds: Double) -> String { String(format: "%.1f", seconds * 1000) }
}
