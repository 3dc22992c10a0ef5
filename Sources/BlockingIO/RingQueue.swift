/// A first-in, first-out queue in a circular buffer: adding and taking cost the same however long the queue is.
struct RingQueue<Element> {
    private var slots: [Element?]
    private var head = 0
    private(set) var count = 0

    init(minimumCapacity: Int = 16) {
        var capacity = 16
        while capacity < minimumCapacity { capacity *= 2 }
        slots = Array(repeating: nil, count: capacity)
    }

    var isEmpty: Bool { count == 0 }

    mutating func append(_ element: Element) {
        if count == slots.count { grow() }
        slots[(head + count) & (slots.count - 1)] = element
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = slots[head].take()
        head = (head + 1) & (slots.count - 1)
        count -= 1
        return element
    }

    /// Takes up to `limit` elements, oldest first.
    mutating func popFirst(atMost limit: Int) -> [Element] {
        let number = Swift.min(limit, count)
        guard number > 0 else { return [] }
        var taken: [Element] = []
        taken.reserveCapacity(number)
        while taken.count < number, let element = popFirst() {
            taken.append(element)
        }
        return taken
    }

    /// Takes the first element that `matches`, wherever it stands; the order of the others stays.
    mutating func remove(where matches: (Element) -> Bool) -> Element? {
        var removed: Element?
        for _ in 0..<count {
            guard let element = popFirst() else { break }
            if removed == nil, matches(element) {
                removed = element
            } else {
                append(element)
            }
        }
        return removed
    }

    private mutating func grow() {
        var larger: [Element?] = Array(repeating: nil, count: slots.count * 2)
        for index in 0..<count {
            larger[index] = slots[(head + index) & (slots.count - 1)]
        }
        slots = larger
        head = 0
    }
}
