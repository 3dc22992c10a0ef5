/// What will happen, in order of time; what is planned first for the same moment comes first. A binary heap.
struct EventQueue<Event> {
    private struct Item {
        var at: Int64
        var number: Int
        var event: Event

        func isBefore(_ other: Item) -> Bool { (at, number) < (other.at, other.number) }
    }

    private var heap: [Item] = []
    private var count = 0

    var isEmpty: Bool { heap.isEmpty }

    /// - Parameter at: microseconds from the start of the run.
    mutating func add(_ event: Event, at: Int64) {
        count += 1
        heap.append(Item(at: at, number: count, event: event))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out what happens next.
    mutating func next() -> (at: Int64, event: Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var parent = 0
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2]
                where child < heap.count && heap[child].isBefore(heap[least]) {
                    least = child
                }
                guard least != parent else { break }
                heap.swapAt(parent, least)
                parent = least
            }
        }
        return (first.at, first.event)
    }
}
