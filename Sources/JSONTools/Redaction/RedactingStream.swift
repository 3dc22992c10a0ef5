/// A stream of bytes without secrets, wherever its pieces are cut.
///
/// What could be the beginning of a secret is held back until it is known; everything else goes on at once. At most as much
/// is held back as the longest form of a secret has bytes.
public struct RedactingStream: Sendable {
    private let redactor: Redactor
    private var held: [UInt8] = []
    /// How many secrets were found so far.
    public private(set) var count = 0

    /// A stream at its beginning.
    public init(_ redactor: Redactor) { self.redactor = redactor }

    /// Whether every piece goes on as it comes.
    public var isTransparent: Bool { redactor.isEmpty }

    /// Takes the next bytes.
    ///
    /// - Returns: What may go on now.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard !redactor.isEmpty else { return Array(bytes) }
        held.append(contentsOf: bytes)
        return release(isLast: false)
    }

    /// What was held back, at the end of the stream.
    public mutating func finish() -> [UInt8] { release(isLast: true) }

    private mutating func release(isLast: Bool) -> [UInt8] {
        guard !held.isEmpty else { return [] }
        var result: [UInt8] = []
        let taken = held.withUnsafeBufferPointer { bytes in
            let end = isLast ? bytes.count : redactor.openEnd(of: bytes)
            var position = 0
            while let match = redactor.match(in: bytes, from: position), match.start < end {
                result += bytes[position..<match.start]
                result += match.replacement
                position = match.end
                count += 1
            }
            if position < end {
                result += bytes[position..<end]
                position = end
            }
            return position
        }
        held.removeFirst(taken)
        return result
    }
}
