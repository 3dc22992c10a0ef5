import CHiredis

/// hiredis' protocol parser, told to build a tape instead of a tree of allocations.
///
/// It belongs to the thread of its connection.
final class ReplyParser {
    /// What the parser's callbacks write to. They get a pointer to this object, which outlives the C reader because only
    /// this class owns both.
    fileprivate final class Target {
        var tape = ReplyTapeBuilder()
    }

    private let target = Target()
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let reader: UnsafeMutablePointer<redisReader>
    private let maximumBytes: Int

    /// Makes a parser.
    ///
    /// - Parameter maximumBytes: the most that the replies of one submission may take in memory.
    init(maximumBytes: Int) throws(RedisError) {
        self.maximumBytes = maximumBytes
        functions = .allocate(capacity: 1)
        functions.initialize(to: tapeFunctions)
        guard let reader = redisReaderCreateWithFunctions(functions) else {
            functions.deallocate()
            throw RedisError(.unreachable, "There is no memory left for a reader of replies.")
        }
        self.reader = reader
        reader.pointee.privdata = Unmanaged.passUnretained(target).toOpaque()
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Takes in what came from the socket.
    func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        let status = redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        guard status == REDIS_OK else { throw failure() }
    }

    /// Parses one whole reply onto the tape.
    ///
    /// - Returns: false if it has not all come yet.
    func parseReply() throws(RedisError) -> Bool {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw failure() }
        let buffered = reader.pointee.len - reader.pointee.pos
        guard target.tape.size + buffered <= maximumBytes || reply != nil && target.tape.size <= maximumBytes else {
            throw RedisError(
                .replyTooLarge,
                "A reply is larger than \(maximumBytes) bytes. Ask for less at a time (COUNT), or raise maximumReplyBytes."
            )
        }
        return reply != nil
    }

    /// The replies parsed since the last call.
    func takeTape() -> ReplyTape { target.tape.take() }

    /// The first `count` whole replies parsed since the last call; a reply that is not complete is dropped.
    func takeTape(replies count: Int) -> ReplyTape { target.tape.take(replies: count) }

    private func failure() -> RedisError {
        let text = withUnsafeBytes(of: reader.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisError(
            .unexpectedReply, "What came is not Redis' protocol (\(text)). Is this the port of a Redis server?")
    }
}

/// hiredis takes any pointer but null for "made"; nothing looks at it.
private func made(
    _ task: UnsafePointer<redisReadTask>?, _ add: (ReplyParser.Target) -> Void
) -> UnsafeMutableRawPointer? {
    guard let pointer = task?.pointee.privdata else { return nil }
    // The reader's owner keeps the target alive.
    add(Unmanaged<ReplyParser.Target>.fromOpaque(pointer).takeUnretainedValue())
    return pointer
}

private var tapeFunctions: redisReplyObjectFunctions {
    redisReplyObjectFunctions(
        createString: { task, text, length in
            made(task) { target in
                let kind: ReplyNode.Kind =
                    switch task?.pointee.type {
                    case REDIS_REPLY_ERROR: .error
                    case REDIS_REPLY_STATUS: .status
                    default: .bytes
                    }
                target.tape.addText(kind, UnsafeRawBufferPointer(start: text, count: length))
            }
        },
        createArray: { task, count in made(task) { $0.tape.addArray(elementCount: Int(count)) } },
        createInteger: { task, value in made(task) { $0.tape.addInteger(value) } },
        createNil: { task in made(task) { $0.tape.addNull() } },
        freeObject: { _ in })
}
