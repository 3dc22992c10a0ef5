/// An argument of a command: bytes, text or a number.
public enum RedisArgument: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    /// Any bytes.
    case bytes([UInt8])
    /// Text, sent as UTF-8.
    case text(String)
    /// A number, sent in decimal.
    case integer(Int)

    /// Text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A number.
    public init(integerLiteral value: Int) { self = .integer(value) }
}

/// One command, encoded. For many at a time ``RedisBatch`` is cheaper.
public struct RedisCommand: Sendable {
    /// The command as a batch of one.
    let batch: RedisBatch

    /// A command from its name and arguments: `RedisCommand("SET", "key", .bytes(value))`.
    public init(_ name: StaticString, _ arguments: RedisArgument...) {
        self.init(name, arguments: arguments)
    }

    /// A command from its name and arguments.
    public init(_ name: StaticString, arguments: [RedisArgument]) {
        var batch = RedisBatch()
        batch.command(name, argumentCount: arguments.count)
        for argument in arguments {
            switch argument {
            case .bytes(let bytes): batch.add(bytes)
            case .text(let text): batch.add(text)
            case .integer(let number): batch.add(number)
            }
        }
        self.batch = batch
    }
}
