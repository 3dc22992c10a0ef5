import BlockingIO
internal import CLibPQ
import Glibc

/// What the server said of itself when the connection was made.
struct ServerFacts: Sendable {
    let backendProcessID: Int32
    /// As libpq counts: 150020 for 15.20.
    let serverVersion: Int32
}

extension ConnectionWorker {
    /// Makes the connection.
    ///
    /// Blocks for name resolution, which libpq has no other form of; all else is bounded by the configured time and ends at
    /// once when the connection is closed.
    func connect() -> Swift.Result<ServerFacts, PostgresError> {
        startConnecting()
        guard let pg, PQstatus(pg) != CONNECTION_BAD else { return .failure(connectError()) }
        // The only way to learn the SQLSTATE of a refusal is to have it in the text.
        PQsetErrorVerbosity(pg, PQERRORS_VERBOSE)
        PQsetNoticeReceiver(
            pg,
            { worker, result in
                guard let worker, let result else { return }
                Unmanaged<ConnectionWorker>.fromOpaque(worker).takeUnretainedValue().receiveNotice(result)
            }, Unmanaged.passUnretained(self).toOpaque())
        let deadline = MonotonicClock.nanoseconds() + configuration.connectTimeout.wholeNanoseconds
        var polling = PGRES_POLLING_WRITING
        while polling != PGRES_POLLING_OK {
            if polling == PGRES_POLLING_FAILED { return .failure(connectError()) }
            let now = MonotonicClock.nanoseconds()
            guard now < deadline else {
                let message = "No answer from \(configuration.address) within \(configuration.connectTimeout)."
                return .failure(PostgresError(.connectFailed, message, outcome: .notSent))
            }
            var descriptors = [
                pollfd(
                    fd: PQsocket(pg), events: Int16(polling == PGRES_POLLING_READING ? POLLIN : POLLOUT), revents: 0),
                pollfd(fd: control.wake.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let timeout = Int32(clamping: (deadline - now + 999_999) / 1_000_000)
            let status = descriptors.withUnsafeMutableBufferPointer { poll($0.baseAddress, 2, timeout) }
            if status > 0, descriptors[1].revents != 0, control.takeWishes().close != nil {
                let message = "The connection was closed before it was made."
                return .failure(PostgresError(.connectionClosed, message, outcome: .notSent))
            }
            if status > 0, descriptors[0].revents != 0 { polling = PQconnectPoll(pg) }
        }
        PQsetErrorVerbosity(pg, PQERRORS_DEFAULT)
        guard PQsetnonblocking(pg, 1) == 0, PQenterPipelineMode(pg) == 1 else { return .failure(connectError()) }
        return .success(ServerFacts(backendProcessID: PQbackendPID(pg), serverVersion: PQserverVersion(pg)))
    }

    private func startConnecting() {
        let parameters = configuration.connectionParameters()
        let keywords = parameters.map { strdup($0.keyword) } + [nil]
        let values = parameters.map { strdup($0.value) } + [nil]
        defer {
            for copy in keywords + values { free(copy) }
        }
        let constKeywords = keywords.map { UnsafePointer($0) }
        let constValues = values.map { UnsafePointer($0) }
        pg = PQconnectStartParams(constKeywords, constValues, 0)
    }

    /// libpq's text without the source line, and the SQLSTATE that stands in it as `FATAL:  28P01: message`.
    private func connectError() -> PostgresError {
        let text = PQerrorMessage(pg).map { String(cString: $0) } ?? "Out of memory."
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
        var state: SQLState?
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) where word.hasSuffix(":") {
            // Five characters of which one is a digit: `FATAL:` is none.
            guard word.utf8.contains(where: { (0x30...0x39).contains($0) }) else { continue }
            state = SQLState(word.dropLast()) ?? state
        }
        return PostgresError(.connectFailed, lines.joined(separator: " "), outcome: .notSent, sqlState: state)
    }

    /// Called by libpq within `PQisBusy` and the like, so on the connection's thread.
    func receiveNotice(_ result: OpaquePointer) {
        let severity = baton_pq_error_severity(result).map { String(cString: $0) } ?? ""
        let state = baton_pq_error_sqlstate(result).flatMap { SQLState(String(cString: $0)) }
        let message = baton_pq_error_message(result).map { String(cString: $0) } ?? ""
        if severity == "FATAL" || severity == "PANIC" {
            fatal = PostgresError(.connectionLost, message, outcome: .unknown, sqlState: state)
        } else {
            configuration.onNotice?(PostgresNotice(severity: severity, sqlState: state, message: message))
        }
    }
}
