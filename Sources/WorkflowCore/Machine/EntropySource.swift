/// The randomness that decisions draw from: ids, dispatch marks, jitter.
///
/// A value, so that a test or the simulator that seeds it gets the same ids again. SplitMix64 (Steele, Lea, Flood:
/// "Fast splittable pseudorandom number generators", OOPSLA 2014): quick, equidistributed, not cryptographic; nothing
/// here is a secret.
public struct EntropySource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// - Parameter seed: the same seed gives the same sequence.
    public init(seed: UInt64) {
        self.state = seed
    }

    /// A source seeded by the system.
    public static func system() -> EntropySource {
        var generator = SystemRandomNumberGenerator()
        return EntropySource(seed: generator.next())
    }

    /// 64 bits, all values equally likely.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number in 0 ..< 1, from the upper 53 bits.
    public mutating func nextUnit() -> Double {
        Double(next() >> 11) * 0x1.0p-53
    }
}
