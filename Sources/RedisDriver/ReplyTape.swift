/// One node of a reply: a value, or an array whose elements follow it.
struct ReplyNode: Sendable {
    enum Kind: UInt8, Sendable {
        case status, error, integer, bytes, array, null
    }

    /// The integer, or for text where its bytes begin.
    var number: Int64
    /// Bytes of a text, or elements of an array.
    var length: UInt32
    /// The index after this node and everything in it.
    var end: UInt32
    var kind: Kind
}

/// The replies to one submission, flat: all nodes in the order they came, and the bytes of all texts.
///
/// However many elements the replies have, they cost two arrays and this object.
final class ReplyTape: Sendable {
    let bytes: [UInt8]
    let nodes: [ReplyNode]

    init(bytes: [UInt8], nodes: [ReplyNode]) {
        self.bytes = bytes
        self.nodes = nodes
    }

    static let empty = ReplyTape(bytes: [], nodes: [])
}

/// Builds a tape from the calls that hiredis' parser makes.
struct ReplyTapeBuilder {
    private struct OpenArray {
        var index: Int
        var missingElements: Int
    }

    private(set) var bytes: [UInt8] = []
    private var nodes: [ReplyNode] = []
    private var openArrays: [OpenArray] = []

    /// About what the tape takes in memory.
    var size: Int { bytes.count + nodes.count * MemoryLayout<ReplyNode>.stride }

    mutating func addText(_ kind: ReplyNode.Kind, _ text: UnsafeRawBufferPointer) {
        addLeaf(kind, number: Int64(bytes.count), length: UInt32(truncatingIfNeeded: text.count))
        bytes.append(contentsOf: text)
    }

    mutating func addInteger(_ value: Int64) { addLeaf(.integer, number: value, length: 0) }

    mutating func addNull() { addLeaf(.null, number: 0, length: 0) }

    mutating func addArray(elementCount: Int) {
        guard elementCount > 0 else {
            addLeaf(.array, number: 0, length: 0)
            return
        }
        openArrays.append(OpenArray(index: nodes.count, missingElements: elementCount))
        nodes.append(ReplyNode(number: 0, length: UInt32(elementCount), end: 0, kind: .array))
    }

    /// Hands out what was built, and starts anew.
    mutating func take() -> ReplyTape {
        let tape = ReplyTape(bytes: bytes, nodes: nodes)
        self = ReplyTapeBuilder()
        return tape
    }

    /// Hands out only the first `count` whole replies, dropping one that is not complete, and starts anew.
    mutating func take(replies count: Int) -> ReplyTape {
        var end = 0
        for _ in 0..<count { end = Int(nodes[end].end) }
        nodes.removeSubrange(end...)
        return take()
    }

    private mutating func addLeaf(_ kind: ReplyNode.Kind, number: Int64, length: UInt32) {
        nodes.append(ReplyNode(number: number, length: length, end: UInt32(nodes.count + 1), kind: kind))
        while let last = openArrays.indices.last {
            openArrays[last].missingElements -= 1
            if openArrays[last].missingElements > 0 { return }
            nodes[openArrays[last].index].end = UInt32(nodes.count)
            openArrays.removeLast()
        }
    }
}
