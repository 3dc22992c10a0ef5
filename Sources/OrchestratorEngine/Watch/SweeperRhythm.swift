extension Sweeper {
    /// How often the sweeper looks.
    public struct Rhythm: Sendable {
        /// Between two looks while there is work.
        public var busy: Swift.Duration = .seconds(2)
        /// Between two looks while there is none.
        public var idle: Swift.Duration = .seconds(4)
        /// Between two walks of the streams.
        public var audit: Swift.Duration = .seconds(60)
        /// Between two searches for workflows that nobody woke.
        public var overdue: Swift.Duration = .seconds(60)
        /// Between two rounds of upkeep.
        public var upkeep: Swift.Duration = .seconds(3600)

        /// The rhythm of the design (05).
        public init() {}
    }
}

extension Swift.Duration {
    /// Whole milliseconds, the rest cut off.
    var asMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
