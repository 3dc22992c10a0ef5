/// A queue whose front can be taken at constant cost on average.
struct Fifo<Element> {
    private var items: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == items.count }
    var count: Int { items.count - head }
    var first: Element? { isEmpty ? nil : items[head] }

    mutating func append(_ element: Element) { items.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = items[head].take()
        head += 1
        if isEmpty {
            items.removeAll(keepingCapacity: items.count <= 1024)
            head = 0
        } else if head >= 64, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return element
    }

    func contains(where matches: (Element) -> Bool) -> Bool {
        items[head...].contains { element in element.map(matches) ?? false }
    }

    /// Takes the first element that matches out of the queue, wherever it stands.
    mutating func remove(where matches: (Element) -> Bool) -> Element? {
        guard let index = items[head...].firstIndex(where: { $0.map(matches) ?? false }) else { return nil }
        return items.remove(at: index)
    }
}

extension Fifo {
    /// The first element that matches.
    func first(where matches: (Element) -> Bool) -> Element? {
        for case let element? in items[head...] where matches(element) { return element }
        return nil
    }
}
