/// A JSON object: members in the order they were added, each key once.
///
/// Two objects are equal if they have equal members, whatever the order. Keys compare as Swift strings do, that is by
/// canonical equivalence. Looking up a key is a scan of a few machine words for small objects and a hash look-up beyond
/// ``indexThreshold`` members, so that an outsider's huge object costs no quadratic time.
public struct JSONObject: Sendable {
    /// A member of an object.
    public typealias Element = (key: String, value: JSONValue)

    /// Objects with more members than this carry a hash index.
    static let indexThreshold = 32

    /// A member as it is stored; arrays of structs are handled faster than arrays of tuples.
    struct Entry: Sendable {
        var key: String
        var value: JSONValue
    }

    private(set) var entries: [Entry]
    private var index: [String: Int]?

    /// An object without members.
    public init() {
        entries = []
        index = nil
    }

    /// An object from members in order; of a key that is given more than once the last value wins.
    public init(_ members: some Sequence<Element>) {
        self.init()
        for (key, value) in members { self[key] = value }
    }

    /// How many members there are.
    public var count: Int { entries.count }

    /// Whether there are none.
    public var isEmpty: Bool { entries.isEmpty }

    /// The keys in order.
    public var keys: [String] { entries.map(\.key) }

    /// The values in order.
    public var values: [JSONValue] { entries.map(\.value) }

    /// The value of a key; nil if absent. Setting nil removes the member, setting a new key appends it.
    public subscript(key: String) -> JSONValue? {
        get {
            guard let position = position(of: key) else { return nil }
            return entries[position].value
        }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?): entries[position].value = value
            case (let position?, nil): remove(at: position)
            case (nil, let value?): append(key, value)
            case (nil, nil): break
            }
        }
    }

    /// The value of a key, or `fallback` if it is absent.
    public subscript(key: String, default fallback: @autoclosure () -> JSONValue) -> JSONValue {
        self[key] ?? fallback()
    }

    /// Makes room for a number of members.
    public mutating func reserveCapacity(_ capacity: Int) {
        entries.reserveCapacity(capacity)
    }

    /// Appends a member unless the key is there already; false if it is.
    mutating func appendNew(_ key: String, _ value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        append(key, value)
        return true
    }

    /// The value of a key, looked for first at `hint` and then everywhere; `hint` moves behind what was found.
    ///
    /// Reading members in the order in which the sender wrote them costs one comparison each.
    /// - Parameters:
    ///   - key: the key to look up.
    ///   - hint: the position to try first; start with 0.
    public func value(of key: String, hint: inout Int) -> JSONValue? {
        if hint < entries.count, entries[hint].key == key {
            hint += 1
            return entries[hint - 1].value
        }
        guard let position = position(of: key) else { return nil }
        hint = position + 1
        return entries[position].value
    }

    private func position(of key: String) -> Int? {
        if let index { return index[key] }
        for position in entries.indices where entries[position].key == key { return position }
        return nil
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        entries.append(Entry(key: key, value: value))
        if index != nil {
            index?[key] = entries.count - 1
        } else if entries.count > Self.indexThreshold {
            buildIndex()
        }
    }

    private mutating func remove(at position: Int) {
        entries.remove(at: position)
        if index != nil { buildIndex() }
    }

    private mutating func buildIndex() {
        var index: [String: Int] = [:]
        index.reserveCapacity(entries.count * 2)
        for (position, entry) in entries.enumerated() { index[entry.key] = position }
        self.index = index
    }
}

extension JSONObject: Sequence {
    /// The members in order.
    public func makeIterator() -> Iterator { Iterator(entries: entries.makeIterator()) }

    /// Walks over the members in order.
    public struct Iterator: IteratorProtocol, Sendable {
        var entries: IndexingIterator<[Entry]>

        /// The next member, nil after the last.
        public mutating func next() -> JSONObject.Element? {
            guard let entry = entries.next() else { return nil }
            return (entry.key, entry.value)
        }
    }

    /// The number of members, known without walking over them.
    public var underestimatedCount: Int { count }
}

extension JSONObject: Hashable {
    /// Equal members, whatever the order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        return left.entries.allSatisfy { right[$0.key] == $0.value }
    }

    /// Hashes the members without regard to their order.
    public func hash(into hasher: inout Hasher) {
        var sum = 0
        for entry in entries {
            var member = Hasher()
            member.combine(entry.key)
            member.combine(entry.value)
            sum &+= member.finalize()
        }
        hasher.combine(count)
        hasher.combine(sum)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Members in order; of a key that is given more than once the last value wins.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init()
        for (key, value) in elements { self[key] = value }
    }
}

extension JSONObject: CustomStringConvertible {
    /// The compact JSON text.
    public var description: String { JSONValue.object(self).description }
}
