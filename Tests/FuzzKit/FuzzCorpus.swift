import Foundation

/// The inputs that are kept: a folder for each target, named as the target is.
package enum FuzzCorpus {
    /// `Tests/BatonFuzz/Corpus`, beside the folder of this file.
    package static let folder =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        + "/BatonFuzz/Corpus"

    /// Nothing to begin with.
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    /// All inputs of a target, in order of their names.
    ///
    /// - Throws: ``Missing`` when there is none, or one can't be read.
    package static func inputs(of target: String, in folder: String = folder) throws -> [[UInt8]] {
        let place = folder + "/" + target
        let names = try FileManager.default.contentsOfDirectory(atPath: place).sorted()
        guard !names.isEmpty else { throw Missing(description: "\(place) has no inputs to begin with") }
        return try names.map { name in
            guard let data = FileManager.default.contents(atPath: place + "/" + name) else {
                throw Missing(description: "\(place)/\(name) can't be read")
            }
            return Array(data)
        }
    }
}

extension FuzzRun {
    /// Feeds a parser that only an agent has, within the agent's tests: its corpus and so many inputs as
    /// `BATON_FUZZ_COUNT` says, else 3000.
    ///
    /// With `BATON_FUZZ_SCRATCH` set, each input is written to that file first: one that ends the process is there.
    /// Limits are those of a build for tests, whose process isn't the parser's alone.
    ///
    /// - Returns: What came of it; the failure names the promise and shows the input's beginning.
    package static func feedWithinTests(_ target: FuzzTarget) throws -> (report: Report, failure: String?) {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["BATON_FUZZ_COUNT"].flatMap { Int($0) } ?? 3000
        let seed = environment["BATON_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
        let run = FuzzRun(limits: Limits(secondsPerInput: 10, mebibytes: 8192)) { input in
            guard let scratch = environment["BATON_FUZZ_SCRATCH"] else { return }
            guard FileManager.default.createFile(atPath: scratch, contents: Data(input)) else {
                preconditionFailure("\(scratch) can't be written")
            }
        }
        let report = run.feed(
            target, corpus: try FuzzCorpus.inputs(of: target.name), count: count, seed: seed)
        let failure = report.failure.map { failure in
            let text = String(decoding: failure.input.prefix(500), as: UTF8.self).debugDescription
            return "input \(report.inputs) of \(target.name), \(failure.input.count) bytes: \(failure.promise): \(text)"
        }
        return (report, failure)
    }
}
