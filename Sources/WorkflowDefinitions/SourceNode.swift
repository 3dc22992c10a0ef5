import JSONTools

/// A value of a file with its place.
struct SourceNode: Sendable {
    indirect enum Content: Sendable {
        /// null, a boolean, a number or a string.
        case scalar(JSONValue)
        case sequence([SourceNode])
        case mapping([SourceMember])
    }

    var position: SourcePosition
    var content: Content

    /// The value without its places.
    var value: JSONValue {
        switch content {
        case .scalar(let value): value
        case .sequence(let elements): .array(elements.map(\.value))
        case .mapping(let members): .object(JSONObject(members.map { (key: $0.key, value: $0.value.value) }))
        }
    }

    /// What kind of value it is, for messages.
    var kindName: String {
        switch content {
        case .scalar(.null): "nothing"
        case .scalar(let value): value.kindName
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The node at a pointer, or the nearest one above it that is there.
    func nearest(to pointer: JSONPointer) -> SourceNode {
        var node = self
        for token in pointer.tokens {
            switch node.content {
            case .scalar: return node
            case .sequence(let elements):
                guard let index = Int(token), elements.indices.contains(index) else { return node }
                node = elements[index]
            case .mapping(let members):
                guard let member = members.first(where: { $0.key == token }) else { return node }
                node = member.value
            }
        }
        return node
    }

    /// A value that has no places.
    init(unplaced value: JSONValue) {
        position = .unknown
        switch value {
        case .null, .bool, .integer, .number, .string: content = .scalar(value)
        case .array(let elements): content = .sequence(elements.map(SourceNode.init(unplaced:)))
        case .object(let object):
            content = .mapping(
                object.map { SourceMember(key: $0.key, position: .unknown, value: SourceNode(unplaced: $0.value)) })
        }
    }

    init(position: SourcePosition, content: Content) {
        self.position = position
        self.content = content
    }
}

/// A key of a mapping, with its place and value.
struct SourceMember: Sendable {
    var key: String
    var position: SourcePosition
    var value: SourceNode
}
