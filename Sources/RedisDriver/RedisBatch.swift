/// Commands in the bytes that go over the wire, in order.
///
/// Callers encode, on their own threads, into the one buffer that the connection then sends; no command is an object of
/// its own. A batch is sent contiguously: no other caller's command comes between.
///
/// Source of the format: Redis' RESP2 specification ("Sending commands to a Redis server": an array of bulk strings).
public struct RedisBatch: Sendable {
    /// The encoded commands.
    private(set) var bytes: [UInt8] = []
    /// The number of commands, which is the number of replies.
    public private(set) var count = 0
    /// Arguments that the last command still lacks.
    private var missingArguments = 0

    /// An empty batch.
    ///
    /// - Parameter bytes: about how large it will get.
    public init(reservingBytes bytes: Int = 0) {
        if bytes > 0 { self.bytes.reserveCapacity(bytes) }
    }

    /// True if it has no command.
    public var isEmpty: Bool { count == 0 }

    /// Begins a command. Exactly `argumentCount` calls of `add` must follow.
    public mutating func command(_ name: StaticString, argumentCount: Int) {
        precondition(missingArguments == 0, "The command before \(name) lacks \(missingArguments) arguments.")
        appendHeader(UInt8(ascii: "*"), argumentCount + 1)
        name.withUTF8Buffer { appendBulk(UnsafeRawBufferPointer($0)) }
        missingArguments = argumentCount
        count += 1
    }

    /// Adds an argument.
    public mutating func add(_ argument: [UInt8]) {
        takePlace()
        argument.withUnsafeBytes { appendBulk($0) }
    }

    /// Adds an argument.
    public mutating func add(_ argument: String) {
        takePlace()
        var argument = argument
        argument.withUTF8 { appendBulk(UnsafeRawBufferPointer($0)) }
    }

    /// Adds an argument that the program spells out.
    public mutating func add(literal argument: StaticString) {
        takePlace()
        argument.withUTF8Buffer { appendBulk(UnsafeRawBufferPointer($0)) }
    }

    /// Adds a number in decimal.
    public mutating func add(_ argument: Int) {
        takePlace()
        withUnsafeTemporaryAllocation(byteCount: 24, alignment: 1) { buffer in
            var end = buffer.count
            Self.writeDecimal(argument.magnitude, &end, buffer)
            if argument < 0 {
                end -= 1
                buffer[end] = UInt8(ascii: "-")
            }
            appendBulk(UnsafeRawBufferPointer(rebasing: buffer[end...]))
        }
    }

    /// Adds the id of an entry.
    public mutating func add(_ argument: StreamEntryID) {
        takePlace()
        withUnsafeTemporaryAllocation(byteCount: 48, alignment: 1) { buffer in
            var end = buffer.count
            Self.writeDecimal(UInt(argument.sequence), &end, buffer)
            end -= 1
            buffer[end] = UInt8(ascii: "-")
            Self.writeDecimal(UInt(argument.milliseconds), &end, buffer)
            appendBulk(UnsafeRawBufferPointer(rebasing: buffer[end...]))
        }
    }

    /// Adds a whole command.
    public mutating func append(_ command: RedisCommand) { append(command.batch) }

    /// Adds all commands of another batch.
    public mutating func append(_ batch: RedisBatch) {
        precondition(missingArguments == 0, "The last command lacks \(missingArguments) arguments.")
        bytes.append(contentsOf: batch.bytes)
        count += batch.count
    }

    /// Begins a transaction (`MULTI`): what follows up to ``endTransaction()`` happens as a whole or, if a command is
    /// refused, not at all. Each command in between is replied to with `QUEUED`.
    public mutating func beginTransaction() { command("MULTI", argumentCount: 0) }

    /// Ends a transaction (`EXEC`); its reply is an array of the replies.
    public mutating func endTransaction() { command("EXEC", argumentCount: 0) }

    private mutating func takePlace() {
        precondition(missingArguments > 0, "One argument more than the command was begun with.")
        missingArguments -= 1
    }

    private mutating func appendBulk(_ argument: UnsafeRawBufferPointer) {
        appendHeader(UInt8(ascii: "$"), argument.count)
        bytes.append(contentsOf: argument)
        bytes.append(0x0D)
        bytes.append(0x0A)
    }

    private mutating func appendHeader(_ kind: UInt8, _ number: Int) {
        bytes.append(kind)
        if number < 10 {
            bytes.append(0x30 + UInt8(number))
        } else {
            withUnsafeTemporaryAllocation(byteCount: 24, alignment: 1) { buffer in
                var end = buffer.count
                Self.writeDecimal(number.magnitude, &end, buffer)
                bytes.append(contentsOf: buffer[end...])
            }
        }
        bytes.append(0x0D)
        bytes.append(0x0A)
    }

    /// Writes the digits of `number` so that they end before `end`, and moves `end` to the first digit.
    private static func writeDecimal(_ number: UInt, _ end: inout Int, _ buffer: UnsafeMutableRawBufferPointer) {
        var rest = number
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            end -= 1
            buffer[end] = 0x30 + UInt8(digit)
            rest = quotient
        } while rest > 0
    }
}
