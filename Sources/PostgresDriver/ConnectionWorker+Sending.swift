import BlockingIO
internal import CLibPQ
import Synchronization

extension ConnectionWorker {
    /// Hands a call to libpq, with one Sync behind it.
    func send(_ call: PostgresCall) {
        switch call.work {
        case .pipeline(let statements):
            deallocateEvicted()
            begin(Flight(call: call, statementCount: statements.count))
            for (index, statement) in statements.enumerated() where fault == nil {
                send(statement, index: index, of: call)
            }
            sync()
        case .script(let text):
            begin(Flight(call: call, statementCount: 1, isScript: true))
            guard PQexitPipelineMode(pg) == 1, PQsendQuery(pg, text) == 1 else { return failConnectionLost() }
            replies.append(.script)
        }
        needsFlush = true
    }

    /// Gives what libpq holds to the socket, as far as that takes it.
    func flush() {
        guard needsFlush, fault == nil else { return }
        switch PQflush(pg) {
        case 0: needsFlush = false
        case 1: break
        default: receiveLastWords()
        }
    }

    private func begin(_ flight: Flight) {
        if flights.isEmpty { lastProgress = MonotonicClock.nanoseconds() }
        flights.append(flight)
    }

    private func sync() {
        guard fault == nil else { return }
        guard PQpipelineSync(pg) == 1 else { return failConnectionLost() }
        expect(.sync)
    }

    private func send(_ statement: PostgresStatement, index: Int, of call: PostgresCall) {
        parameters.encode(statement.parameters)
        switch cache.use(statement.sql, types: parameters.types, call: call.id) {
        case .prepared(let entry):
            sendPrepared(entry, index: index)
        case .prepare(let entry):
            let sent = statement.sql.withCString { sql in
                parameters.withArguments { count, types, _, _, _ in PQsendPrepare(pg, entry.name, sql, count, types) }
            }
            guard sent == 1 else { return failConnectionLost() }
            expect(.preparation(entry))
            sendPrepared(entry, index: index)
        case .unnamed(let endsTransaction):
            let sent = statement.sql.withCString { sql in
                parameters.withArguments { count, types, values, lengths, formats in
                    PQsendQueryParams(pg, sql, count, types, values, lengths, formats, 1)
                }
            }
            guard sent == 1 else { return failConnectionLost() }
            expect(.rows(statement: index, entry: nil, endsTransaction: endsTransaction))
        }
    }

    private func sendPrepared(_ entry: StatementCache.Entry, index: Int) {
        let sent = parameters.withArguments { count, _, values, lengths, formats in
            PQsendQueryPrepared(pg, entry.name, count, values, lengths, formats, 1)
        }
        guard sent == 1 else { return failConnectionLost() }
        expect(.rows(statement: index, entry: entry, endsTransaction: entry.endsTransaction))
    }

    /// Frees what the server keeps for statements that the cache let go; between calls, so that no failure of a caller's
    /// statement skips it, and not within a failed transaction, where the server would refuse.
    private func deallocateEvicted() {
        guard !cache.evicted.isEmpty, flights.isEmpty else { return }
        guard control.session == .idle || control.session == .inTransaction else { return }
        let names = cache.takeEvicted()
        begin(Flight(call: nil, statementCount: names.count))
        for name in names {
            guard PQsendQueryParams(pg, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) == 1 else {
                return failConnectionLost()
            }
            expect(.deallocation)
        }
        sync()
    }

    private func expect(_ reply: Reply) {
        replies.append(reply)
        if replies.count == 1 { awaitFirstReply() }
    }

    /// Has rows delivered one by one, so that a result can be refused before it fills the memory.
    func awaitFirstReply() {
        replyHasBegun = false
        if case .rows? = replies.first { PQsetSingleRowMode(pg) }
    }
}
