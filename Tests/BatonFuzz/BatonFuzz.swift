import ArgumentParser
import Foundation
import Glibc

/// Feeds every parser of what comes from outside with mutated inputs, seeded, so that a failure can be had again.
@main
struct BatonFuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "BatonFuzz", abstract: "Feed the parsers with mutated inputs.",
        discussion: "A crash leaves its input in the scratch file; a hang or a broken promise is printed with its seed."
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

    @Option(help: "One input may take this many milliseconds.")
    var limit = 2000

    @Option(help: "A file to feed once, to have a failure again.")
    var replay: String?

    func run() throws {
        let targets = FuzzTarget.all().filter { target == "all" || $0.name == target }
        guard !targets.isEmpty else {
            throw ValidationError("--target is one of \(FuzzTarget.all().map(\.name).joined(separator: ", ")), or all")
        }
        if let replay {
            guard let data = FileManager.default.contents(atPath: replay) else {
                throw ValidationError("\(replay) can't be read")
            }
            for target in targets { print("\(target.name): \(target.feed(Array(data)) ?? "as promised")") }
            return
        }
        let memory = try ScratchFile(scratch)
        var isGood = true
        for target in targets { isGood = try feed(target, memory) && isGood }
        if !isGood { throw ExitCode(1) }
    }

    private func feed(_ target: FuzzTarget, _ memory: ScratchFile) throws -> Bool {
        // Each target has random numbers of its own.
        let salt = target.name.utf8.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
        var mutator = Mutator(seed: seed ^ salt)
        mutator.corpus = target.seeds + Self.files(in: corpus + "/" + target.name)
        guard !mutator.corpus.isEmpty else { throw ValidationError("\(target.name) has no inputs to begin with") }
        for input in mutator.corpus {
            if let broken = target.feed(input) {
                print("✘ \(target.name): an input of the corpus: \(broken)")
                return false
            }
        }
        let begun = ContinuousClock.now
        var accepted = 0
        var slowest = Duration.zero
        for number in 0..<count {
            let input = mutator.next()
            memory.write(input)
            let start = ContinuousClock.now
            let broken = target.feed(input)
            let took = ContinuousClock.now - start
            slowest = max(slowest, took)
            if took > .milliseconds(limit) {
                print("✘ \(target.name): input \(number) took \(took); it is in \(scratch)")
                return false
            }
            if let broken {
                print("✘ \(target.name): input \(number): \(broken); it is in \(scratch)")
                return false
            }
            if target.wasAccepted { accepted += 1 }
        }
        let seconds = Double((ContinuousClock.now - begun).components.seconds)
        let peak = Self.peakMebibytes()
        let line =
            "\(target.name): \(count) inputs in \(Int(seconds)) s, \(accepted) of them valid, slowest \(slowest), "
            + "peak \(peak) MiB"
        guard peak <= 1024 else {
            print("✘ \(line): more than 1024 MiB")
            return false
        }
        print("✔ \(line)")
        return true
    }

    private static func files(in folder: String) -> [[UInt8]] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { FileManager.default.contents(atPath: folder + "/" + $0).map(Array.init) }
    }

    /// The most memory that this process ever had, in MiB.
    private static func peakMebibytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0) / 1024
    }
}

/// A file that is memory, too: what was last written survives a crash.
final class ScratchFile {
    private static let size = 1 << 20
    private let bytes: UnsafeMutableRawPointer

    init(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, off_t(Self.size)) == 0,
            let bytes = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), bytes != MAP_FAILED
        else { throw ValidationError("\(path) can't be made") }
        self.bytes = bytes
        close(descriptor)
    }

    /// The input with its length before it, as text in the first line.
    func write(_ input: [UInt8]) {
        let head = Array("\(input.count)\n".utf8)
        let all = head + input.prefix(Self.size - head.count)
        all.withUnsafeBytes { bytes.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes), byteCount: $0.count) }
    }
}
