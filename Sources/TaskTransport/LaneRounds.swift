import AgentProtocol

/// In which order an agent asks the lanes: from the most urgent, and every eighth time from the least, so that nothing
/// starves.
struct LaneRounds {
    private var round = 0

    /// The places of the lanes, in the order of the next round.
    mutating func next() -> [Int] {
        round = (round + 1) % 8
        let lanes = Array(TaskLane.allCases.indices)
        return round == 0 ? lanes.reversed() : lanes
    }
}
