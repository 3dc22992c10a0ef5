import BlockingIO
internal import CLibPQ

extension ConnectionWorker {
    /// Reads what the socket has and deals with every reply that is complete.
    func receive() {
        // With TLS a record of up to 16 KiB can wait inside OpenSSL, where poll does not see it; libpq takes at least 8 KiB of
        // it at a time.
        for _ in 0..<(PQsslInUse(pg) == 1 ? 3 : 1) {
            guard PQconsumeInput(pg) == 1 else { return receiveLastWords() }
            readReplies()
        }
        lastProgress = MonotonicClock.nanoseconds()
        // Then the socket is closed already, and no poll would ever wake us.
        if PQstatus(pg) == CONNECTION_BAD { failConnectionLost() }
        flush()
    }

    /// The socket is gone; what libpq has already read may still hold answers, and the reason.
    func receiveLastWords() {
        readReplies()
        failConnectionLost()
    }

    private func readReplies() {
        // Also without a reply due: this makes libpq look at what it read, so notices are heard.
        while fault == nil, PQisBusy(pg) == 0, let reply = replies.first {
            if let result = PQgetResult(pg) {
                replyHasBegun = true
                read(result, of: reply)
                PQclear(result)
            } else if replyHasBegun {
                endReply()
            } else if PQstatus(pg) == CONNECTION_BAD {
                return
            } else {
                fail(.connectionLost, "libpq and the driver disagree about what the server owes.")
            }
        }
        // Nobody of ours listens for notifications.
        while let notification = PQnotifies(pg) { PQfreemem(notification) }
    }

    private func endReply() {
        if case .script? = replies.popFirst() {
            if PQenterPipelineMode(pg) != 1 { failConnectionLost() }
            completeFlight()
        }
        awaitFirstReply()
    }

    private func read(_ result: OpaquePointer, of reply: Reply) {
        let status = PQresultStatus(result)
        switch status {
        case PGRES_PIPELINE_SYNC:
            guard case .sync = reply else {
                return fail(.connectionLost, "The server ended a call before it had answered all of it.")
            }
            _ = replies.popFirst()
            completeFlight()
            awaitFirstReply()
        case PGRES_SINGLE_TUPLE, PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            readSuccess(result, isLast: status != PGRES_SINGLE_TUPLE, of: reply)
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR:
            readFailure(result, of: reply)
        case PGRES_PIPELINE_ABORTED:
            if case .preparation(let entry) = reply { cache.forget(entry) }
        default:
            fail(.connectionLost, "COPY is not supported by this driver.")
        }
    }

    private func readSuccess(_ result: OpaquePointer, isLast: Bool, of reply: Reply) {
        switch reply {
        case .preparation(let entry): cache.confirm(entry)
        case .deallocation, .sync, .script: break
        case .rows(let statement, let entry, let endsTransaction):
            rows.append(result, columns: entry?.columns)
            if rows.byteCount > min(configuration.maxResultBytes, 1 << 30) { refuseLargeResult(statement: statement) }
            guard isLast else { return }
            let tag = PQcmdStatus(result).map { String(cString: $0) } ?? ""
            entry?.columns = rows.columns
            flights.first?.results.append(rows.finish(commandTag: tag))
            if endsTransaction, tag == "ROLLBACK" {
                record(
                    PostgresError(
                        .rolledBack, "The transaction was rolled back, because one of its statements had failed.",
                        outcome: .failed), statement: statement)
            }
        }
    }

    private func readFailure(_ result: OpaquePointer, of reply: Reply) {
        let error = serverError(result)
        if error.isFatal {
            // What libpq says of the broken connection does not replace what the server said before.
            if fatal?.sqlState == nil { fatal = error.error }
            return
        }
        switch reply {
        case .preparation(let entry):
            cache.forget(entry)
            record(error.error, statement: nil)
        case .rows(let statement, let entry, _):
            rows = RowsBuilder()
            // The plan no longer fits the tables, or someone deallocated it: prepared anew at the next use.
            if let entry, error.error.sqlState == .featureNotSupported || error.error.sqlState == .invalidStatementName
            {
                cache.discard(entry)
            }
            record(error.error, statement: statement)
        case .script: record(error.error, statement: nil)
        case .deallocation, .sync: break
        }
    }

    private func refuseLargeResult(statement: Int) {
        rows.discard()
        guard let flight = flights.first, flight.failure == nil else { return }
        record(
            PostgresError(
                .resultTooLarge, "The result is larger than the limit of \(configuration.maxResultBytes) bytes.",
                outcome: .completed), statement: statement)
        flight.isUnwanted = true
        considerCancelling()
    }

    /// The first failure of a call is its answer.
    private func record(_ error: PostgresError, statement: Int?) {
        guard let flight = flights.first else { return }
        if var failure = flight.failure {
            // Stopped while its result was thrown away: then it had no effect.
            if failure.code == .resultTooLarge, error.sqlState == .queryCanceled {
                failure.outcome = .failed
                flight.failure = failure
            }
            return
        }
        var error = error
        error.statementIndex = flight.isScript ? nil : statement ?? flight.results.count
        flight.failure = error
    }

    /// The server has come to the end of a call.
    private func completeFlight() {
        guard let flight = flights.popFirst() else { return }
        switch PQtransactionStatus(pg) {
        case PQTRANS_IDLE: control.session = .idle
        case PQTRANS_INTRANS: control.session = .inTransaction
        case PQTRANS_INERROR: control.session = .inFailedTransaction
        default: break
        }
        if flights.isEmpty, !isRequestingCancel { cancelDeadline = nil }
        if let call = flight.call {
            retire()
            if var failure = flight.failure {
                if flight.isUnwanted, failure.sqlState == .queryCanceled {
                    failure.code = .cancelled
                    failure.message = "The calling task was cancelled and the server stopped the statement."
                }
                call.answer(.failure(failure))
            } else {
                call.answer(.success(flight.results))
            }
        }
        considerCancelling()
    }

    private func serverError(_ result: OpaquePointer) -> (error: PostgresError, isFatal: Bool) {
        func text(_ field: UnsafePointer<CChar>?) -> String? { field.map { String(cString: $0) } }
        let message =
            text(baton_pq_error_message(result)) ?? text(PQresultErrorMessage(result)) ?? "The server gave no reason."
        let state = text(baton_pq_error_sqlstate(result)).flatMap { SQLState($0) }
        var error = PostgresError(.server, message, outcome: .failed, sqlState: state)
        error.detail = text(baton_pq_error_detail(result))
        error.hint = text(baton_pq_error_hint(result))
        error.constraint = text(baton_pq_error_constraint(result))
        error.table = text(baton_pq_error_table(result))
        error.column = text(baton_pq_error_column(result))
        let severity = text(baton_pq_error_severity(result))
        // Without a SQLSTATE it is libpq's own message: the connection broke.
        return (error, state == nil || severity == "FATAL" || severity == "PANIC")
    }
}
