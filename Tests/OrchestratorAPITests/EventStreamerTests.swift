import HTTPTypes
import Hummingbird
import JSONTools
import NIOCore
import Synchronization
import Testing

@testable import OrchestratorAPI

/// Events that are given out in turns; when there are no more turns, the stream ends.
private final class ScriptedSource: StreamSource {
    private let turns: Mutex<[[StreamEvent]]>
    let asked = Mutex<[Int64]>([])

    init(_ turns: [[Int64]]) {
        self.turns = Mutex(
            turns.map { ids in ids.map { StreamEvent(id: $0, kind: "thing", data: ["n": .integer($0)]) } })
    }

    func events(after id: Int64) async throws -> [StreamEvent] {
        asked.withLock { $0.append(id) }
        return turns.withLock { $0.isEmpty ? [] : $0.removeFirst() }
    }

    func ending() async throws -> StreamEvent? {
        turns.withLock { $0.isEmpty ? StreamEvent(id: nil, kind: "end", data: [:]) : nil }
    }

    func news() async {}
}

/// Keeps what is written; a connection that breaks after some writes.
private struct KeepingWriter: ResponseBodyWriter {
    struct Broken: Error {}

    let text = Box()
    var writesLeft = Int.max

    final class Box: Sendable {
        let value = Mutex("")
    }

    mutating func write(_ buffer: ByteBuffer) async throws {
        guard writesLeft > 0 else { throw Broken() }
        writesLeft -= 1
        text.value.withLock { $0 += String(buffer: buffer) }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

@Suite("Streams of events")
struct EventStreamerTests {
    @Test("Events go out in order, each reading begins after the last one, and the end comes last")
    func order() async throws {
        let source = ScriptedSource([[5, 6], [], [7]])
        let keeper = KeepingWriter()
        var writer: any ResponseBodyWriter = keeper
        try await EventStreamer(source: source, limit: StreamLimit(maximum: 1)).send(after: 4, to: &writer)
        #expect(
            keeper.text.value.withLock { $0 } == """
                retry: 1000

                id: 5
                event: thing
                data: {"n":5}

                id: 6
                event: thing
                data: {"n":6}

                id: 7
                event: thing
                data: {"n":7}

                event: end
                data: {}


                """)
        #expect(source.asked.withLock { $0 } == [4, 6, 6, 7])
    }

    @Test("A stream without events sends a comment now and then")
    func heartbeat() async throws {
        let keeper = KeepingWriter()
        var writer: any ResponseBodyWriter = keeper
        let streamer = EventStreamer(
            source: ScriptedSource([[], []]), limit: StreamLimit(maximum: 1), heartbeat: .zero)
        try await streamer.send(after: 0, to: &writer)
        let comments = keeper.text.value.withLock { $0 }.split(separator: "\n").filter { $0.hasPrefix(":") }
        #expect(comments.count == 2)
    }

    @Test("A connection that broke ends the stream")
    func broken() async throws {
        var writer: any ResponseBodyWriter = KeepingWriter(writesLeft: 2)
        let streamer = EventStreamer(source: ScriptedSource([[1], [2], [3]]), limit: StreamLimit(maximum: 1))
        await #expect(throws: KeepingWriter.Broken.self) { try await streamer.send(after: 0, to: &writer) }
    }

    @Test("Only so many streams are open at a time; a place that is let go is free again")
    func limit() throws {
        let limit = StreamLimit(maximum: 2)
        let first = limit.take()
        var second = limit.take()
        #expect(first != nil && second != nil)
        #expect(limit.take() == nil)
        second = nil
        #expect(limit.take() != nil)
        #expect(second == nil)
        withExtendedLifetime(first) {}
    }
}
