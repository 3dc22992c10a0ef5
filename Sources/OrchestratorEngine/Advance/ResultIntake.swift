public import Logging
public import TaskTransport
public import WorkflowStorage

/// Takes results off the road and hands them to the Advancer. What can't be read becomes a dead letter.
public struct ResultIntake: Sendable {
    private let advancer: Advancer
    private let bus: any TaskBus
    private let store: any WatchStore
    private let logger: Logger

    /// An intake for one orchestrator.
    public init(advancer: Advancer, bus: any TaskBus, store: any WatchStore, logger: Logger) {
        self.advancer = advancer
        self.bus = bus
        self.store = store
        self.logger = logger
    }

    /// Takes one batch of entries. Acknowledging them is an effect of the batch that commits them.
    ///
    /// - Parameter wereLeftBehind: whether another orchestrator had read them and did not record them.
    /// - Throws: `BatchError` if a dead letter can't be kept; then the same batch has to be taken again.
    public func take(_ entries: [InboundMessage], wereLeftBehind: Bool = false) async throws(BatchError) {
        let sorting = ResultSorting(entries, wereLeftBehind: wereLeftBehind)
        if !sorting.unreadable.isEmpty {
            let letters = sorting.unreadable.map(\.letter)
            try await store.keep(letters)
            await bus.mirror(letters)
            await acknowledge(sorting.unreadable.map(\.entry))
            logger.warning("results that can't be read became dead letters", metadata: ["count": "\(letters.count)"])
        }
        await advancer.enqueue(sorting.submissions)
    }

    private func acknowledge(_ entries: [InboundMessage]) async {
        do {
            try await bus.acknowledgeResults(entries.map(\.entryID))
        } catch {
            logger.warning("dead letters could not be acknowledged; they come again", metadata: ["error": "\(error)"])
        }
    }
}
