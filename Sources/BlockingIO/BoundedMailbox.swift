import Glibc
import Synchronization

/// Why a mailbox did not take an item.
public enum MailboxError: Error, Sendable, Hashable {
    /// It holds as many items as it may.
    case full
    /// It was closed.
    case closed
}

/// What the consumer of a mailbox got.
public enum Taken<Item: Sendable>: Sendable {
    /// At least one item, oldest first.
    case items([Item])
    /// Nothing came in the time given.
    case timedOut
    /// The mailbox is closed and empty: nothing will ever come.
    case closed
}

/// A bounded mailbox for many producers and one consumer, which is a dedicated thread.
///
/// The consumer waits either in ``waitAndTakeAll(atMost:timeoutMilliseconds:)``, or in its own `poll` on
/// ``wakeDescriptor`` beside other descriptors, taking with ``takeAll(atMost:)``. Producers never block; they make the
/// system call that wakes the consumer only if it sleeps (or might), so a busy consumer costs them a lock and no more.
public final class BoundedMailbox<Item: Sendable>: Sendable {
    private struct Waiter: Sendable {
        var id: UInt64
        var item: Item
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var items = RingQueue<Item>()
        /// Senders for whom there was no room. Not empty only while `items` is full.
        var waiters = RingQueue<Waiter>()
        var nextWaiter: UInt64 = 0
        /// Waiters that were cancelled before they could be enqueued.
        var cancelledEarly: Set<UInt64> = []
        var isClosed = false
        /// The consumer sleeps, or may be about to: the next item must raise the descriptor.
        var mustWake = true
        /// The descriptor is readable. It is raised and cleared under the lock, so this is exact.
        var isRaised = false
    }

    private let capacity: Int
    private let wake: WakeSignal
    private let state: Mutex<State>

    /// Makes an empty, open mailbox.
    ///
    /// - Parameters:
    ///   - capacity: how many items may be queued, at least 1.
    ///   - name: says in a crash message which mailbox could not be made.
    public init(capacity: Int, name: String) {
        precondition(capacity > 0, "The mailbox \(name) needs room for at least one item, not \(capacity).")
        self.capacity = capacity
        wake = WakeSignal(purpose: "mailbox \(name)")
        state = Mutex(State())
    }

    /// Readable while something is queued or once the mailbox was closed, for a consumer that takes with
    /// ``takeAll(atMost:)``. Never read from it.
    public var wakeDescriptor: Int32 { wake.descriptor }

    /// True once ``close()`` was called, whether or not items are left.
    public var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The number of queued items.
    public var count: Int { state.withLock { $0.items.count } }

    /// Queues an item, or says at once why not.
    ///
    /// - Throws: ``MailboxError/full`` or ``MailboxError/closed``.
    public func send(_ item: Item) throws(MailboxError) {
        let failure: MailboxError? = state.withLock { state in
            if state.isClosed { return .closed }
            if state.items.count >= capacity { return .full }
            enqueue(item, &state)
            return nil
        }
        if let failure { throw failure }
    }

    /// Queues an item, waiting for room behind those who already wait.
    ///
    /// - Throws: ``MailboxError/closed`` if the mailbox is or gets closed first; `CancellationError` if the task is
    ///   cancelled first. In both cases the item was not queued.
    public func sendWhenRoom(_ item: Item) async throws {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        defer { state.withLock { _ = $0.cancelledEarly.remove(id) } }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome: Swift.Result<Void, any Error>? = state.withLock { state in
                    if state.isClosed { return .failure(MailboxError.closed) }
                    if state.cancelledEarly.contains(id) { return .failure(CancellationError()) }
                    if state.items.count >= capacity {
                        state.waiters.append(Waiter(id: id, item: item, continuation: continuation))
                        return nil
                    }
                    enqueue(item, &state)
                    return .success(())
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.remove { $0.id == id }
                // Either it was let in meanwhile (harmless: the set is cleaned when the call ends), or it comes yet.
                if waiter == nil { state.cancelledEarly.insert(id) }
                return waiter
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Takes what is queued, without waiting. For the consumer only.
    ///
    /// - Parameters:
    ///   - limit: how many items at most; the rest stays, and the descriptor stays readable.
    ///   - staysAwake: a promise to call this again before polling ``wakeDescriptor``, which spares the producers the
    ///     waking of a consumer that is busy. Without the promise the descriptor is exact after each call.
    /// - Returns: the items, oldest first; none if there are none.
    public func takeAll(atMost limit: Int, staysAwake: Bool = false) -> [Item] {
        let (items, admitted) = state.withLock { state in
            let taken = take(atMost: limit, &state)
            if !state.items.isEmpty || state.isClosed {
                raise(&state)
            } else {
                lower(&state)
                state.mustWake = !staysAwake
            }
            return taken
        }
        for continuation in admitted { continuation.resume() }
        return items
    }

    /// Takes what is queued, sleeping until there is something. For the consumer only; blocks its thread.
    ///
    /// - Parameters:
    ///   - limit: how many items at most.
    ///   - timeoutMilliseconds: how long to sleep at most; nil for as long as it takes.
    public func waitAndTakeAll(atMost limit: Int, timeoutMilliseconds: Int?) -> Taken<Item> {
        let end = timeoutMilliseconds.map { MonotonicClock.nanoseconds() + UInt64(max(0, $0)) * 1_000_000 }
        while true {
            let (items, admitted, isClosed) = state.withLock { state in
                let (items, admitted) = take(atMost: limit, &state)
                if state.items.isEmpty && !state.isClosed {
                    lower(&state)
                    state.mustWake = items.isEmpty
                }
                return (items, admitted, state.isClosed)
            }
            for continuation in admitted { continuation.resume() }
            if !items.isEmpty { return .items(items) }
            if isClosed { return .closed }
            var wait: Int32 = -1
            if let end {
                let now = MonotonicClock.nanoseconds()
                if now >= end { return .timedOut }
                wait = Int32(clamping: (end - now + 999_999) / 1_000_000)
            }
            var descriptor = pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)
            // Interrupted, timed out or readable: the loop looks again in each case.
            poll(&descriptor, 1, wait)
        }
    }

    /// Refuses all later items and those of senders who wait for room. The consumer still gets what is queued.
    public func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            raise(&state)
            return state.waiters.popFirst(atMost: state.waiters.count)
        }
        for waiter in waiters { waiter.continuation.resume(throwing: MailboxError.closed) }
    }

    private func enqueue(_ item: Item, _ state: inout sending State) {
        state.items.append(item)
        if state.mustWake {
            state.mustWake = false
            raise(&state)
        }
    }

    private func take(
        atMost limit: Int, _ state: inout sending State
    ) -> (items: [Item], admitted: [CheckedContinuation<Void, any Error>]) {
        let items = state.items.popFirst(atMost: limit)
        var admitted: [CheckedContinuation<Void, any Error>] = []
        while state.items.count < capacity, let waiter = state.waiters.popFirst() {
            state.items.append(waiter.item)
            admitted.append(waiter.continuation)
        }
        return (items, admitted)
    }

    private func raise(_ state: inout sending State) {
        guard !state.isRaised else { return }
        state.isRaised = true
        wake.raise()
    }

    private func lower(_ state: inout sending State) {
        guard state.isRaised else { return }
        state.isRaised = false
        wake.clear()
    }
}
