public import AgentProtocol
import JSONTools
public import RedisDriver

/// An orchestrator's road over Redis.
///
/// Connections: one for what can't wait (publish, acknowledge), one for walks over whole streams, one that waits for
/// results, one that waits for signals and logs, and one for the inlet while it runs.
public final class RedisTaskBus: TaskBus {
    /// How long a send may wait for a connection. The relay sends again what is not marked after 5 s (05), and must not
    /// be overtaken by the first send.
    static let publishPatience = Duration.seconds(3)
    /// A claim from dead consumers beyond so many makes a message poisoned.
    static let claimLimit = 3
    static let deadLength = 1_000
    static let deadBytes = 64 << 10

    /// The names of streams and channels.
    public let names: ChannelNames
    let consumerName: String
    let configuration: RedisConfiguration
    let client: RedisClient
    let walker: RedisClient
    let resultReader: RedisStreamReader
    let reportReader: RedisStreamReader
    let groups: StreamGroups
    let results: GroupConsumer
    let reports: GroupConsumer

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - configuration: the server.
    ///   - names: the names of streams and channels.
    ///   - consumerName: this orchestrator's id, which no other process has or had.
    public init(_ configuration: RedisConfiguration, names: ChannelNames, consumerName: String) {
        self.configuration = configuration
        self.names = names
        self.consumerName = consumerName
        client = RedisClient(configuration)
        walker = RedisClient(configuration)
        resultReader = RedisStreamReader(configuration)
        reportReader = RedisStreamReader(configuration)
        groups = StreamGroups(client: client)
        let group = ChannelNames.orchestratorsGroup
        groups.want(group, on: [names.results, names.signals, names.logs])
        results = GroupConsumer(
            streams: [names.results], group: group, name: consumerName, reader: resultReader, client: client,
            groups: groups)
        reports = GroupConsumer(
            streams: [names.signals, names.logs], group: group, name: consumerName, reader: reportReader,
            client: client, groups: groups)
    }

    /// Waits for the first connection.
    ///
    /// - Returns: what the server said of itself; log its ``RedisDriver/RedisServerFacts/warning``.
    @discardableResult
    public func connect() async throws(TransportError) -> RedisServerFacts {
        do throws(RedisError) {
            return try await client.connect()
        } catch {
            throw TransportError(error)
        }
    }

    /// Whether Redis can be reached, now.
    public var connectionState: RedisConnectionState { client.state }

    /// The state now, then each change, until the bus is closed.
    public func connectionStates() -> AsyncStream<RedisConnectionState> { client.states() }

    /// Rises at every reconnect, and whenever streams had to be made anew because Redis had lost them.
    public var epoch: UInt64 { UInt64(client.connectionCount) + groups.losses }

    /// See ``TaskBus/ensureGroups(agentTypes:)``.
    public func ensureGroups(agentTypes: Set<String>) async throws(TransportError) {
        for type in agentTypes.sorted() {
            groups.want(ChannelNames.agentsGroup, on: names.taskStreams(type))
        }
        try await groups.ensure()
    }

    /// See ``TaskBus/close()``.
    public func close() async {
        client.close()
        walker.close()
        resultReader.close()
        reportReader.close()
        await client.closeAndWait()
        await walker.closeAndWait()
        await resultReader.closeAndWait()
        await reportReader.closeAndWait()
    }

    /// Sends a batch and reports the first thing that went wrong.
    func carry(_ batch: RedisBatch, over client: RedisClient? = nil) async throws(TransportError) -> RedisValues {
        do throws(RedisError) {
            return try await (client ?? self.client).submit(batch).checked()
        } catch {
            throw TransportError(error)
        }
    }
}
