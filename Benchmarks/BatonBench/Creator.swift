import BlockingIO
import JSONTools
import Synchronization

/// Creates workflows through `POST /api/v1/workflows`, over a few connections with a thread each.
final class Creator: Sendable {
    /// What was created.
    struct Created: Sendable {
        /// The lowest id: ids grow with time, so this is where the set begins.
        var firstID = ""
        /// From the first request to the last answer, in seconds.
        var seconds = 0.0
        /// How long each answer took, in microseconds.
        var answers: [Double] = []
    }

    /// What the threads of one round share.
    private final class Round: Sendable {
        struct State {
            var next = 0
            var bodies: [[UInt8]] = []
            var answers: [Double] = []
            var fault: String?
        }

        let count: Int
        let state = Mutex(State())

        init(count: Int) { self.count = count }
    }

    private let port: UInt16
    private let token: String

    init(port: UInt16, token: String) {
        self.port = port
        self.token = token
    }

    /// A connection to the API.
    func connect() throws(BenchError) -> HTTPConnection { try HTTPConnection(port: port, token: token) }

    /// Creates so many workflows; returns when all are answered with 201. Blocks.
    func create(_ count: Int, connections: Int) throws(BenchError) -> Created {
        let round = Round(count: count)
        let begun = wallClock()
        let threads = (0..<min(connections, count)).map { number in
            DedicatedThread(name: "client-\(number)") { self.work(on: round) }
        }
        for thread in threads { thread.join() }
        var created = Created(seconds: wallClock() - begun)
        let end = round.state.withLock { $0 }
        if let fault = end.fault { throw BenchError(fault) }
        let ids = end.bodies.compactMap { try? JSONValue(parsing: $0)["id"]?.stringValue }
        guard ids.count == count, let first = ids.min() else { throw BenchError("an answer names no workflow") }
        created.firstID = first
        created.answers = end.answers
        return created
    }

    private func work(on round: Round) {
        do throws(BenchError) {
            var connection = try HTTPConnection(port: port, token: token)
            while true {
                let number = round.state.withLock { state in
                    defer { state.next += 1 }
                    return state.next
                }
                if number >= round.count { return }
                let begun = wallClock()
                let (status, body) = try connection.post(
                    "/api/v1/workflows", #"{"type":"noop6","name":"bench-\#(number)"}"#)
                let microseconds = (wallClock() - begun) * 1e6
                guard status == 201 else {
                    throw BenchError("POST was answered with \(status): \(String(decoding: body, as: UTF8.self))")
                }
                round.state.withLock { state in
                    state.bodies.append(body)
                    state.answers.append(microseconds)
                }
            }
        } catch {
            round.state.withLock { state in
                state.fault = error.description
                state.next = round.count
            }
        }
    }
}
