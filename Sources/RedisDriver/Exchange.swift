import BlockingIO

/// Submissions being carried over a connection: which are sent, and which have their replies.
struct Exchange {
    /// Submissions are copied together up to about this many bytes, to be sent by one system call.
    private static let chunkBytes = 256 << 10

    private let submissions: [Submission]
    /// The first that lacks replies; all before are finished.
    private var head = 0
    /// How many replies the head has.
    private var headReplies = 0
    /// How many submissions are in the output, or were.
    private var composed = 0
    /// How many submissions the server may have seen something of.
    private var touched = 0
    private var output: [UInt8] = []
    private var sentOfOutput = 0

    init(_ submissions: [Submission]) { self.submissions = submissions }

    /// Sends everything and finishes each submission as its replies come.
    ///
    /// - Throws: why the connection can't be used any more. ``giveUp(_:parser:)`` then finishes the rest.
    mutating func run(over connection: RedisConnection, control: ClientControl) throws(RedisError) {
        var progress = MonotonicClock.nanoseconds()
        while head < submissions.count {
            if try sendSome(over: connection) { continue }
            let limit = progress + submissions[head].replyTimeout
            let closing = control.closeDeadline
            let ready = connection.wait(
                forRoom: sentOfOutput < output.count, or: closing == nil ? control.descriptor : -1,
                until: min(limit, closing ?? .max))
            if ready.others.0 {
                control.acknowledge()
                if submissions[head].isCancelled { throw RedisError(.cancelled, "The read was cancelled.") }
                // A blocking read would take all the grace there is, for nothing.
                if control.closeDeadline != nil, submissions[head].cancellation != nil {
                    throw RedisError(.closed, "The client was closed during a blocking read.")
                }
            }
            if ready.isReadable {
                try connection.receive()
                try finishThoseWithReplies(connection.parser)
            }
            guard ready.isReadable || ready.isWritable else {
                let now = MonotonicClock.nanoseconds()
                if let closing, now >= closing { throw RedisError(.closed, "The client was closed.") }
                if now >= limit {
                    throw RedisError(
                        .unreachable, "The server did not reply in \(submissions[head].replyTimeout / 1_000_000) ms.")
                }
                continue
            }
            progress = MonotonicClock.nanoseconds()
        }
    }

    /// Finishes all that may have been sent, with the replies that came and an unknown outcome for the rest.
    ///
    /// - Returns: those of which nothing was sent, oldest first.
    func giveUp(_ error: RedisError, parser: ReplyParser) -> [Submission] {
        let unknown = RedisError(.outcomeUnknown, "Sent, but the reply did not come: \(error.message)")
        for index in head..<max(head, touched) {
            let submission = submissions[index]
            let count = index == head ? headReplies : 0
            // The error itself says more where it is about this submission: of a blocking read nothing but the reply is
            // lost, and a reply that is too large means that the command had its effect.
            let isAboutThis =
                submission.cancellation != nil && error.code != .unreachable
                || index == head && error.code == .replyTooLarge
            let failure = isAboutThis ? error : unknown
            submission.continuation.resume(
                returning: RedisReplies(
                    tape: count > 0 ? parser.takeTape(replies: count) : .empty, count: count,
                    expectedCount: submission.replyCount, failure: failure))
        }
        return Array(submissions[max(head, touched)...])
    }

    /// Sends what the socket takes.
    ///
    /// - Returns: false once everything is sent, or the socket takes no more for now.
    private mutating func sendSome(over connection: RedisConnection) throws(RedisError) -> Bool {
        if sentOfOutput == output.count {
            guard composed < submissions.count else { return false }
            compose()
        }
        let count = try connection.write(output, from: sentOfOutput)
        if count > 0 { touched = composed }
        sentOfOutput += count
        return count > 0
    }

    private mutating func compose() {
        sentOfOutput = 0
        // A single one, or a large one, goes out of its own buffer.
        output = submissions[composed].bytes
        composed += 1
        guard composed < submissions.count, output.count < Self.chunkBytes else { return }
        output.reserveCapacity(min(Self.chunkBytes, (submissions.count - composed + 1) * output.count))
        while composed < submissions.count, output.count + submissions[composed].bytes.count <= Self.chunkBytes {
            output += submissions[composed].bytes
            composed += 1
        }
    }

    private mutating func finishThoseWithReplies(_ parser: ReplyParser) throws(RedisError) {
        while head < submissions.count, try parser.parseReply() {
            headReplies += 1
            let submission = submissions[head]
            guard headReplies == submission.replyCount else { continue }
            submission.continuation.resume(
                returning: RedisReplies(
                    tape: parser.takeTape(), count: headReplies, expectedCount: headReplies, failure: nil))
            head += 1
            headReplies = 0
        }
    }
}
