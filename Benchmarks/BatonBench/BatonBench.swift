import Glibc
import LocalStack

/// Measures Baton with workflows of six stages that do nothing, over five agent processes.
@main
struct BatonBench {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            let arguments = Array(CommandLine.arguments.dropFirst())
            if arguments.first == "soak" {
                let isWithin = try await Soak(settings: Soak.Settings(Array(arguments.dropFirst()))).run()
                exit(isWithin ? 0 : 1)
            }
            if arguments.first == "profile" {
                try await Profile(settings: Profile.Settings(Array(arguments.dropFirst()))).run()
                return
            }
            let options = try Options(arguments)
            say("Starting PostgreSQL, Redis, the orchestrator and five agents.")
            let bench = try await Bench.start(options)
            do {
                try await measure(bench, options)
            } catch {
                await bench.stop()
                throw error
            }
            await bench.stop()
        } catch {
            say("\(error)")
            exit(1)
        }
    }

    private static func measure(_ bench: Bench, _ options: Options) async throws {
        let facts = try await bench.facts()
        say("Warming up with \(options.warmup) workflows.")
        try await bench.warmUp()
        var runs: [Measurement] = []
        for number in 1...options.runs {
            let run = try await bench.run()
            runs.append(run)
            say(
                "run \(number) of \(options.runs): \(decimal(run.held.transitionsPerSecond, 0)) transitions/s, "
                    + "\(decimal(run.mixed.transitionsPerSecond, 0)) while creating, stage to stage idle p50 "
                    + "\(decimal(run.idle.handOver.p50, 2)) ms, \(decimal(run.held.cpuPerThousand, 2)) s CPU per 1,000")
        }
        let report = Report(options: options, facts: facts, runs: runs)
        print(report.markdown)
        if let path = options.report { try report.write(to: path) }
    }
}
