public import AgentProtocol
import RedisDriver

extension RedisTaskBus {
    /// See ``TaskBus/publish(_:)``.
    public func publish(_ tasks: [OutgoingTask]) async throws(TransportError) -> [String?] {
        guard !tasks.isEmpty else { return [] }
        var batch = RedisBatch(reservingBytes: tasks.reduce(0) { $0 + 2 * $1.envelope.count + 320 })
        for task in tasks {
            batch.addEntry(
                to: names.tasks(task.agentType, task.lane), message: task.envelope, taskID: task.taskID,
                attempt: task.attempt)
            batch.publish(task.envelope, to: names.taskChannel(task.agentType))
        }
        let replies = await client.submit(batch, queueTimeout: Self.publishPatience)
        var entries: [String?] = []
        entries.reserveCapacity(tasks.count)
        var firstError = replies.failure
        var isEntry = true
        for value in replies.values {
            if isEntry {
                entries.append(value.string)
                if firstError == nil { firstError = value.error }
            }
            isEntry.toggle()
        }
        while entries.count < tasks.count { entries.append(nil) }
        // With an unknown outcome some may have arrived; the caller can't tell which, and the dispatch fence needs not know.
        if let firstError, firstError.code != .outcomeUnknown, entries.allSatisfy({ $0 == nil }) {
            throw TransportError(firstError)
        }
        return entries
    }

    /// See ``TaskBus/control(_:)``.
    public func control(
        _ messages: [(agentType: String, message: ControlMessage)]
    ) async throws(TransportError) {
        guard !messages.isEmpty else { return }
        var batch = RedisBatch()
        for (agentType, message) in messages { batch.publish(message.encoded(), to: names.control(agentType)) }
        _ = try await carry(batch)
    }

    /// See ``TaskBus/announce(_:)``.
    public func announce(_ bytes: [UInt8]) async throws(TransportError) -> Int {
        var batch = RedisBatch(reservingBytes: bytes.count + 64)
        batch.publish(bytes, to: names.events)
        return try await carry(batch)[0]?.integer ?? 0
    }

    /// See ``TaskBus/mirrorDeadLetters(_:)``.
    public func mirrorDeadLetters(_ letters: [DeadLetterCopy]) async throws(TransportError) {
        guard !letters.isEmpty else { return }
        var batch = RedisBatch()
        for letter in letters {
            batch.xadd(to: names.dead, approximateLength: Self.deadLength, fieldCount: 3)
            batch.add(literal: "source")
            batch.add(letter.source)
            batch.add(literal: "cause")
            batch.add(letter.cause)
            batch.add(literal: EntryFields.envelope)
            batch.add(letter.bytes.count > Self.deadBytes ? Array(letter.bytes.prefix(Self.deadBytes)) : letter.bytes)
        }
        _ = try await carry(batch)
    }

    /// See ``TaskBus/restore(_:to:)``.
    public func restore(_ bytes: [UInt8], to stream: RestorableStream) async throws(TransportError) {
        var batch = RedisBatch(reservingBytes: bytes.count + 128)
        switch stream {
        case .results: add(bytes, to: names.results, &batch)
        case .tasks(let type, let lane): add(bytes, to: names.tasks(type, lane), &batch)
        case .signals:
            batch.addEntry(to: names.signals, message: bytes, approximateLength: ChannelNames.signalsLength)
        case .logs:
            batch.addEntry(to: names.logs, message: bytes, approximateLength: ChannelNames.logsLength)
        }
        _ = try await carry(batch)
    }

    private func add(_ bytes: [UInt8], to stream: String, _ batch: inout RedisBatch) {
        batch.xadd(to: stream, fieldCount: 1)
        batch.add(literal: EntryFields.envelope)
        batch.add(bytes)
    }
}
