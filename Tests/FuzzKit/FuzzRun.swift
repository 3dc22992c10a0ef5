/// Feeds a target with inputs: first all that are known, then mutated ones.
package struct FuzzRun {
    /// What the limits are.
    package struct Limits {
        /// CPU time of one input, in seconds.
        package var secondsPerInput: Double
        /// Memory of the process while a target is fed, in MiB.
        package var mebibytes: Int

        package init(secondsPerInput: Double = 1, mebibytes: Int = 256) {
            self.secondsPerInput = secondsPerInput
            self.mebibytes = mebibytes
        }
    }

    /// What came of it.
    package struct Report {
        package var name: String
        package var inputs = 0
        package var accepted = 0
        /// Different ways in which inputs were refused.
        package var refusals = 0
        package var cpuSeconds = 0.0
        /// CPU time of the slowest input, in seconds, and the input.
        package var slowestSeconds = 0.0
        package var slowestInput: [UInt8] = []
        package var peakMebibytes = 0
        /// The input that broke a promise or a limit, and how; nil if none did.
        package var failure: (input: [UInt8], promise: String)?
    }

    private static let maxSeedBytes = 16 << 10

    private let limits: Limits
    /// Told each input before it is fed, so that one which ends the process is known.
    private let willFeed: ([UInt8]) -> Void

    package init(limits: Limits = Limits(), willFeed: @escaping ([UInt8]) -> Void = { _ in }) {
        self.limits = limits
        self.willFeed = willFeed
    }

    /// - Parameters:
    ///   - target: the parser.
    ///   - corpus: known inputs, at least one; all are fed first as they are.
    ///   - count: how many mutated inputs follow.
    ///   - seed: where the random numbers begin.
    package func feed(_ target: FuzzTarget, corpus: [[UInt8]], count: Int, seed: UInt64) -> Report {
        var report = Report(name: target.name)
        ProcessFigures.forgetPeak()
        let begun = ProcessFigures.cpuSeconds()
        // Each target has random numbers of its own.
        let salt = target.name.utf8.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
        // Large ones are fed as they are: a million of their kind would take too long.
        let small = corpus.filter { $0.count <= Self.maxSeedBytes }
        var mutator = Mutator(
            seed: seed ^ salt, seeds: small.isEmpty ? corpus : small, dialect: target.dialect, maxBytes: target.maxBytes
        )
        var refusals: Set<String> = []
        for number in 0..<(corpus.count + count) {
            let input = number < corpus.count ? corpus[number] : mutator.next()
            feed(input, to: target, &report, &refusals, &mutator)
            if report.failure != nil { break }
        }
        report.cpuSeconds = ProcessFigures.cpuSeconds() - begun
        report.refusals = refusals.count
        return report
    }

    private func feed(
        _ input: [UInt8], to target: FuzzTarget, _ report: inout Report, _ refusals: inout Set<String>,
        _ mutator: inout Mutator
    ) {
        willFeed(input)
        // What making the input took is none of the parser's.
        if ProcessFigures.peakMebibytes() > max(report.peakMebibytes, limits.mebibytes / 4) {
            ProcessFigures.forgetPeak()
        }
        let start = ProcessFigures.cpuSeconds()
        let verdict = target.body(input)
        let seconds = ProcessFigures.cpuSeconds() - start
        report.inputs += 1
        if seconds > report.slowestSeconds { (report.slowestSeconds, report.slowestInput) = (seconds, input) }
        switch verdict {
        case .accepted:
            report.accepted += 1
            // Now and then a valid input is the beginning of others.
            if report.accepted % 64 == 0 { mutator.keep(input) }
        case .refused(let words):
            if refusals.count < Mutator.maxFound, refusals.insert(words).inserted { mutator.keep(input) }
        case .broken(let promise):
            report.failure = (input, promise)
        }
        if report.failure == nil, seconds > limits.secondsPerInput {
            report.failure = (input, "it took \(seconds) s of CPU time; the limit is \(limits.secondsPerInput) s")
        }
        let peak = ProcessFigures.peakMebibytes()
        report.peakMebibytes = max(report.peakMebibytes, peak)
        if report.failure == nil, peak > limits.mebibytes {
            report.failure = (input, "the process has \(peak) MiB; the limit is \(limits.mebibytes) MiB")
        }
    }
}
