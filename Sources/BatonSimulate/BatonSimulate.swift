import ArgumentParser
import Glibc
import Simulation

/// Runs simulated worlds: many seeds, or one of them again.
@main
struct BatonSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "BatonSimulate",
        abstract: "Runs orchestrators, agents and clients in simulated worlds where things go wrong, and judges them.")

    @Option(help: "How many seeds to run.") var seeds = 3000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "Run this seed alone.") var seed: UInt64?
    @Flag(help: "With --seed: print a line for whatever happens.") var trace = false
    @Option(help: "Make the world of this seed smaller for as long as it still fails, and print its trace.")
    var shrink: UInt64?
    @Option(help: "After so many failing seeds, stop.") var failures = 10
    @Flag(help: "Print failing seeds alone, one a line: seed, rule, what was found.") var terse = false

    @Flag(help: "Name each seed on standard error before it runs.") var announce = false

    func run() throws {
        Self.makeHashingDeterministic()
        if let shrink {
            try runShrinking(shrink)
        } else if let seed {
            try runOne(seed)
        } else {
            try runMany()
        }
    }

    private func runMany() throws {
        let start = ContinuousClock.now
        var failing: [(seed: UInt64, violations: [String])] = []
        var tally = Tally()
        for seed in from..<from + UInt64(max(0, seeds)) {
            if announce { FileDescriptors.say("running \(seed)\n") }
            let world = World(Scenario(seed: seed))
            world.run()
            tally.add(world)
            guard !world.violations.isEmpty else { continue }
            failing.append((seed, world.violations))
            print("seed \(seed): \(world.violations[0])")
            if failing.count >= failures { break }
        }
        if !terse {
            let elapsed = start.duration(to: .now).components
            let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
            print(tally.summary(seconds: seconds, failures: failing.count))
            if let first = failing.first {
                print("Again: scripts/simulate --seed \(first.seed) --trace; smaller: --shrink \(first.seed)")
            }
        }
        if !failing.isEmpty { throw ExitCode(1) }
    }

    private func runOne(_ seed: UInt64) throws {
        let world = World(Scenario(seed: seed), isTraced: trace)
        world.run()
        for line in world.lines { print(line) }
        for violation in world.violations { print("seed \(seed): \(violation)") }
        if world.violations.isEmpty { print("seed \(seed): sound, \(world.eventCount) events") }
        if !world.violations.isEmpty { throw ExitCode(1) }
    }

    private func runShrinking(_ seed: UInt64) throws {
        guard let smallest = Shrinker.smallest(failing: Scenario(seed: seed)) else {
            print("seed \(seed) does not fail")
            return
        }
        print(smallest.scenario.summary)
        let world = World(smallest.scenario, isTraced: true)
        world.run()
        for line in world.lines { print(line) }
        for violation in world.violations { print("seed \(seed): \(violation)") }
        throw ExitCode(1)
    }

    /// Sets go by hashes, which Swift salts anew in each process; a seed has to give the same world again.
    private static func makeHashingDeterministic() {
        let name = "SWIFT_DETERMINISTIC_HASHING"
        guard getenv(name) == nil else { return }
        setenv(name, "1", 1)
        var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", &arguments)
        fatalError("the simulator could not start itself again: errno \(errno)")
    }
}

/// Unbuffered writing: what was said before a crash is there after it.
private enum FileDescriptors {
    static func say(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// What the worlds of a run had in them.
private struct Tally {
    var worlds = 0
    var events = 0
    var workflows = 0
    var faults = 0
    var attempts = 0
    var ends: [String: Int] = [:]

    mutating func add(_ world: World) {
        worlds += 1
        events += world.eventCount
        workflows += world.workflowCount
        faults += world.scenario.faults.count
        attempts += world.attemptCount
        for (phase, count) in world.phases { ends[phase, default: 0] += count }
    }

    func summary(seconds: Double, failures: Int) -> String {
        let list = ends.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let each = (seconds * 10_000 / Double(max(1, worlds))).rounded() / 10
        return """
            \(worlds) seeds, \(failures) failed; \(workflows) workflows (\(list)), \(attempts) attempts, \(faults) faults, \
            \(events) events; \((seconds * 10).rounded() / 10) s, \(each) ms a seed
            """
    }
}
