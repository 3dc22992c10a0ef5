import BlockingIO
internal import CLibPQ

extension ConnectionWorker {
    /// A caller gives up.
    func cancel(_ id: UInt64) {
        if let call = backlog.remove(where: { $0.id == id }) {
            retire()
            call.answer(.failure(.cancelledBeforeSending))
            return
        }
        guard let flight = flights.first(where: { $0.call?.id == id }) else { return }
        flight.isUnwanted = true
        considerCancelling()
        if !isRequestingCancel || flights.first !== flight {
            // Others share the connection, and a cancellation could hit their statements: this one runs on unheard.
            flight.call?.answer(
                .failure(
                    PostgresError(
                        .cancelled, "The calling task was cancelled; the statement runs on.", outcome: .unknown)))
        }
    }

    /// Asks the server to stop an unwanted statement if it is the only one sent.
    ///
    /// The request travels by a connection of its own and stops whatever the server is at when it arrives. So nothing else is
    /// sent until the server has closed that connection (when the signal is delivered) and the statement has ended.
    func considerCancelling() {
        guard !isRequestingCancel, flights.count == 1, let flight = flights.first, flight.isUnwanted else { return }
        guard cancelDeadline == nil, let request = PQgetCancel(pg) else { return }
        isRequestingCancel = true
        cancelDeadline = MonotonicClock.nanoseconds() + configuration.closeGrace.wholeNanoseconds
        let cancel = CancelRequest(request)
        let control = control
        // PQcancel blocks for as long as the server pleases. If it hangs, the connection is dropped at the deadline and only
        // this thread stays, until the server goes on or goes away.
        _ = DedicatedThread(name: "pg-cancel") { control.cancelRequestEnded(delivered: cancel.send()) }
    }

    func cancelRequestEnded(delivered: Bool) {
        isRequestingCancel = false
        if flights.isEmpty {
            cancelDeadline = nil
        } else if !delivered {
            fail(.cancelled, "The server could not be asked to cancel a statement, so its connection was dropped.")
        }
    }
}

/// A `PGcancel`, used and freed by one thread.
///
/// Unchecked because of the pointer. It is handed from the thread that makes it to the one that sends it and used by nobody
/// else; libpq documents `PQcancel` as safe in a thread apart from that of the connection, since it only reads the `PGcancel`.
private final class CancelRequest: @unchecked Sendable {
    private let request: OpaquePointer

    init(_ request: OpaquePointer) { self.request = request }

    deinit { PQfreeCancel(request) }

    /// Blocks until the server has passed the request on.
    func send() -> Bool {
        var message = [CChar](repeating: 0, count: 256)
        return PQcancel(request, &message, Int32(message.count)) == 1
    }
}
