package import AgentProtocol
package import JSONTools
package import RedisDriver
import Synchronization

/// An agent of which a test decides every word: it says what a real one would, or what none should.
///
/// It takes nothing, says nothing and stops nothing by itself, but it hears everything on its control channel.
package final class HandmadeAgent: Sendable {
    /// A task that was taken from a stream.
    package struct Taken: Sendable {
        package var stream: String
        package var entryID: StreamEntryID
        package var envelope: TaskEnvelope
    }

    private struct State {
        var isListening = false
        var heard: [ControlMessage] = []
        var listed: [TaskReference] = []
        var beating: Task<Void, Never>?
    }

    package let id: String
    package let type: String
    private let redis: RedisClient
    private let subscriber: RedisSubscriber
    /// How far its clock is off, in microseconds.
    private let clockOffset: Int64
    private let names = ChannelNames()
    private let state = Mutex(State())

    /// An agent that nobody has heard of yet.
    ///
    /// - Parameter clockOffset: how far its clock is off.
    package init(_ type: String, _ configuration: RedisConfiguration, clockOffset: Duration = .zero) {
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        id = "\(type)-" + String(repeating: "0", count: 8 - digits.count) + digits
        self.type = type
        self.clockOffset = clockOffset.components.seconds * 1_000_000
        redis = RedisClient(configuration)
        subscriber = RedisSubscriber(configuration, channels: [ChannelNames().control(type)])
        let events = subscriber.events
        Task { [weak self] in
            for await event in events {
                guard let self else { return }
                switch event {
                case .subscribed: self.state.withLock { $0.isListening = true }
                case .message(_, let payload):
                    guard let message = try? ControlMessage(decoding: payload), message.concerns(self.id) else {
                        continue
                    }
                    self.state.withLock { $0.heard.append(message) }
                case .dropped, .interrupted: continue
                }
            }
        }
    }

    /// Its time.
    package var now: Timestamp { Timestamp(microseconds: Timestamp.now().microseconds + clockOffset) }

    /// Whether it hears its control channel.
    package var isListening: Bool { state.withLock { $0.isListening } }

    /// What was said to it, in order.
    package var heard: [ControlMessage] { state.withLock { $0.heard } }

    /// Whether it was told to stop this attempt, by verdict or at once.
    package func wasStopped(_ reference: TaskReference) -> Bool {
        heard.contains { message in
            switch message {
            case .heartbeatAck(let answer):
                answer.tasks.contains { $0.reference == reference && $0.verdict == .stop }
            case .cancel(let cancel): cancel.reference == reference
            case .drain, .logLevel: false
            }
        }
    }

    /// Whether it was given leave for the irreversible part.
    package func wasGranted(_ reference: TaskReference) -> Bool {
        heard.contains { message in
            if case .heartbeatAck(let answer) = message { answer.granted.contains(reference) } else { false }
        }
    }

    /// Says that it is there.
    package func register(
        slots: Int = 8, actions: [ActionDescription] = [ActionDescription(name: "noop", workspace: .none)]
    ) async throws {
        try await say(
            .register(
                RegisterSignal(
                    agentID: id, sentAt: now, agentType: type, agentVersion: "1", actions: actions, slots: slots,
                    host: "by-hand", pid: 1)))
    }

    /// Says that it lives and runs these.
    package func beat(running: [TaskReference] = [], held: [TaskReference] = []) async throws {
        try await say(
            .heartbeat(
                HeartbeatSignal(
                    agentID: id, sentAt: now, running: running.map { RunningTask(reference: $0) }, held: held,
                    freeSlots: 8)))
    }

    /// What the heartbeats of `keepBeating` list.
    package func list(_ references: [TaskReference]) { state.withLock { $0.listed = references } }

    /// Says every 2 s that it lives, until it is closed or silenced.
    package func keepBeating() {
        let beating = Task { [weak self] in
            while !Task.isCancelled {
                guard let self else { return }
                try? await self.beat(running: self.state.withLock { $0.listed })
                try? await Task.sleep(for: .seconds(2))
            }
        }
        state.withLock { $0.beating = beating }
    }

    /// Says nothing any more by itself.
    package func silence() { state.withLock { $0.beating.take() }?.cancel() }

    /// Says that it has begun an attempt.
    package func started(_ reference: TaskReference) async throws {
        try await say(.started(StartedSignal(agentID: id, sentAt: now, reference: reference)))
    }

    /// Asks for leave.
    package func askGrant(_ reference: TaskReference) async throws {
        try await say(.grantRequest(GrantRequestSignal(agentID: id, sentAt: now, reference: reference)))
    }

    /// Says anything.
    package func say(_ signal: AgentSignal) async throws {
        _ = try await redis.send(
            RedisCommand("XADD", .text(names.signals), "*", "envelope", .bytes(signal.encoded())))
    }

    /// Takes what there is for its type, waiting up to 15 s for something.
    package func take(atMost count: Int = 1) async throws -> [Taken] {
        let streams = names.taskStreams(type)
        for stream in streams { _ = try await redis.createGroup(ChannelNames.agentsGroup, on: stream) }
        let read = RedisGroupRead(
            group: ChannelNames.agentsGroup, consumer: id, streams: streams, count: count)
        let deadline = ContinuousClock.now + .seconds(15)
        repeat {
            var taken: [Taken] = []
            for batch in try await redis.read(read) {
                for entry in batch.entries {
                    guard let bytes = entry.bytes(of: "envelope") else { continue }
                    taken.append(
                        Taken(stream: batch.stream, entryID: entry.id, envelope: try TaskEnvelope(decoding: bytes)))
                }
            }
            if !taken.isEmpty { return taken }
            try await Task.sleep(for: .milliseconds(50))
        } while ContinuousClock.now < deadline
        return []
    }

    /// A result of an attempt.
    package func result(
        of task: TaskEnvelope, _ status: TaskResult.Status = .success, output: JSONObject = [:],
        errors: [TaskFault] = []
    ) -> TaskResult {
        var generator = SystemRandomNumberGenerator()
        var result = TaskResult(
            messageID: .v7(at: .now(), using: &generator), taskID: task.taskID, workflowID: task.workflowID,
            attempt: task.attempt, dispatchID: task.dispatchID, agentID: id, agentType: type, stage: task.stage,
            status: status, output: output, startedAt: now, completedAt: now)
        result.errors = errors
        return result
    }

    /// Reports as the protocol asks for: result, acknowledgement and deletion at once.
    package func finish(_ task: Taken, _ result: TaskResult) async throws {
        _ = try await redis.transaction([
            RedisCommand("XADD", .text(names.results), "*", "envelope", .bytes(result.encoded())),
            RedisCommand("XACK", .text(task.stream), .text(ChannelNames.agentsGroup), .text("\(task.entryID)")),
            RedisCommand("XDEL", .text(task.stream), .text("\(task.entryID)")),
        ])
    }

    /// Puts bytes on the stream of results.
    package func addResult(_ bytes: [UInt8]) async throws {
        _ = try await redis.send(RedisCommand("XADD", .text(names.results), "*", "envelope", .bytes(bytes)))
    }

    /// Puts these on the stream of results at once.
    package func addResults(_ results: [[UInt8]]) async throws {
        _ = try await redis.transaction(
            results.map { RedisCommand("XADD", .text(names.results), "*", "envelope", .bytes($0)) })
    }

    /// Takes an entry off its stream without a result.
    package func drop(_ task: Taken) async throws {
        _ = try await redis.transaction([
            RedisCommand("XACK", .text(task.stream), .text(ChannelNames.agentsGroup), .text("\(task.entryID)")),
            RedisCommand("XDEL", .text(task.stream), .text("\(task.entryID)")),
        ])
    }

    /// Leaves without a word.
    package func close() {
        silence()
        subscriber.close()
        redis.close()
    }
}
