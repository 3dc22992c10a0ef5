import Testing

@testable import OrchestratorEngine

/// Under load signals are read late. That must put off judgement only where silence might prove nothing.
@Suite("Who hears late")
struct HearingTests {
    private static let lease = 15_000

    /// Looks for a minute, some of which find signals unread for so long.
    private func look(lag: Int, every: Int, secondsApart: Int) -> [(at: Int64, judges: Bool)] {
        var hearing = Hearing()
        var looks: [(at: Int64, judges: Bool)] = []
        for (number, second) in stride(from: Int64(0), through: 60, by: secondsApart).enumerated() {
            let time = second * 1000
            let present = number % every == every - 1 ? lag : 0
            hearing.note(isRecordUp: true, isRoadUp: true, signalLagMilliseconds: present, at: time)
            hearing.note(isRecordUp: true, isRoadUp: true, signalLagMilliseconds: present, at: time + 20)
            looks.append((time, hearing.hasListened(for: Self.lease, at: time + 20)))
        }
        return looks
    }

    @Test("judges as soon as it has listened for a lease, though signals now and then wait for seconds")
    func busy() {
        for lag in [0, 1200, 3000, 6000] {
            let looks = look(lag: lag, every: 5, secondsApart: 2)
            #expect(looks.allSatisfy { $0.judges == ($0.at >= 15_000) }, "a lag of \(lag) ms put judgement off")
        }
    }

    @Test("judges nothing where a heartbeat may have waited for longer than a lease leaves")
    func late() {
        #expect(look(lag: 9000, every: 5, secondsApart: 2).allSatisfy { !$0.judges })
        // Looks that are far apart say less: signals may have waited for long between them.
        #expect(look(lag: 3000, every: 1, secondsApart: 8).allSatisfy { !$0.judges })
    }

    @Test("takes nobody for silent who said every five seconds that it lives, nor old lists for new", arguments: seeds)
    func sound(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let readings = moments(apart: Int64.random(in: 200...14_000, using: &random), using: &random)
        let looks = moments(apart: Int64.random(in: 500...9000, using: &random), using: &random)
        let takes = Int64.random(in: 1...400, using: &random)
        var hearing = Hearing()
        var unread: [Int64] = []
        var heard: Int64 = 0
        for time: Int64 in stride(from: 0, to: 200_000, by: 1) {
            if time % 5000 == 0 { unread.append(time) }
            if readings.contains(time) {
                // It would be told by a list of that age what it does not run: only of what was bound 11 s before.
                let isFresh = unread.first.map { time - $0 < 11_000 } ?? true
                #expect(isFresh || !hearing.hasListened(for: Self.lease, at: time), "an old list at \(time)")
                if !unread.isEmpty { heard = time }
                unread = []
            }
            guard looks.contains(time) || looks.contains(time - takes) else { continue }
            hearing.note(
                isRecordUp: true, isRoadUp: true, signalLagMilliseconds: unread.first.map { Int(time - $0) } ?? 0,
                at: time)
            guard hearing.hasListened(for: Self.lease, at: time) else { continue }
            #expect(time - heard <= Int64(Self.lease), "taken for silent at \(time)")
        }
    }

    private static let seeds: Range<UInt64> = 0..<40

    /// Moments of three minutes, up to so many milliseconds apart.
    private func moments(apart longest: Int64, using random: inout SeededGenerator) -> Set<Int64> {
        var moments: Set<Int64> = []
        var time: Int64 = 0
        while time < 200_000 {
            time += Int64.random(in: 1...longest, using: &random)
            moments.insert(time)
        }
        return moments
    }
}

/// A generator that gives the same numbers for the same seed.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
