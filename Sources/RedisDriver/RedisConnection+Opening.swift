import BlockingIO

extension RedisConnection {
    /// Makes a new connection and logs in. (hiredis' own reconnect forgets its settings.)
    ///
    /// - Parameters:
    ///   - control: gives up when the client is closed.
    ///   - end: when to give up, in nanoseconds of the monotonic clock.
    static func open(
        _ configuration: RedisConfiguration, control: ClientControl, until end: UInt64
    ) throws(RedisError) -> (connection: RedisConnection, facts: RedisServerFacts) {
        let connection = try RedisConnection(configuration)
        while !connection.wait(forRoom: true, or: control.descriptor, until: end).isWritable {
            try checkPatience(control, end, "\(configuration) does not accept a connection")
        }
        do throws(RedisError) {
            try connection.finishConnecting()
        } catch {
            throw RedisError(.unreachable, "\(configuration): \(error.message).")
        }
        let handshake = RedisHandshake(configuration: configuration)
        try connection.writeAll(handshake.batch, control: control, until: end)
        var replies = 0
        while replies < handshake.batch.count {
            if connection.wait(forRoom: false, or: control.descriptor, until: end).isReadable {
                try connection.receive()
                while replies < handshake.batch.count, try connection.parser.parseReply() { replies += 1 }
            } else {
                try checkPatience(control, end, "\(configuration) accepts connections but does not answer the login")
            }
        }
        let values = RedisValues(tape: connection.parser.takeTape(), start: 0, count: replies)
        return (connection, try handshake.facts(from: values))
    }

    /// Writes a small batch before anything else is under way.
    func writeAll(_ batch: RedisBatch, control: ClientControl, until end: UInt64) throws(RedisError) {
        var sent = 0
        while sent < batch.bytes.count {
            let count = try write(batch.bytes, from: sent)
            sent += count
            if count == 0, !wait(forRoom: true, or: control.descriptor, until: end).isWritable {
                try Self.checkPatience(control, end, "The server does not read what it is sent")
            }
        }
    }

    /// After a wait without result: goes on unless the time is up or the client was closed.
    private static func checkPatience(_ control: ClientControl, _ end: UInt64, _ state: String) throws(RedisError) {
        if control.closeDeadline != nil { throw RedisError(.closed, "The client was closed.") }
        control.acknowledge()
        guard MonotonicClock.nanoseconds() < end else { throw RedisError(.unreachable, "\(state) in time.") }
    }
}
