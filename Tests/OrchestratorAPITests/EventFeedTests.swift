import Foundation
import JSONTools
import Logging
import NIOCore
import Testing
import WorkflowStorage

@testable import OrchestratorAPI
@testable import OrchestratorEngine

extension OverTheWire {
    @Suite("Events of all workflows")
    struct EventFeeds {
        /// Reads until each of the workflows has ended.
        private func numbers(
            _ feed: EventFeed, from start: UInt64, until ids: Set<String>
        ) async throws -> [String: [Int]] {
            var place = start
            var found: [String: [Int]] = [:]
            var ended: Set<String> = []
            let clock = ContinuousClock.now
            while ended != ids {
                try #require(ContinuousClock.now - clock < .seconds(30), "\(found)")
                let slice = await feed.read(from: place, limit: 3, maxBytes: 1 << 20)
                #expect(slice.missed == 0)
                place = slice.next
                for entry in slice.entries {
                    let message = try JSONValue(parsing: Array(entry.bytes.readableBytesView))
                    let id = try #require(message["workflow_id"]?.stringValue)
                    found[id, default: []].append(try #require(message["event"]?["seq"]?.intValue))
                    if entry.kind == "workflow_completed" { ended.insert(id) }
                }
            }
            return found
        }

        @Test(
            "Every event comes once and in order, whether it is told of or found by looking",
            arguments: [true, false])
        func completeness(isTold: Bool) async throws {
            try await withAPI { api in
                // Without the orchestrator's own feed nothing is told: as with another orchestrator's work.
                let live = isTold ? api.orchestrator.feed : LiveFeed()
                let feed = EventFeed(
                    tenant: "default", store: api.store, feed: live,
                    logger: Logger(label: "feed") { _ in SilentHandler() })
                let before = try await api.createdID("before")
                let place = try await feed.join()
                defer { feed.leave() }
                var ids: Set = [before]
                for number in 0..<4 { ids.insert(try await api.createdID("w\(number)")) }
                for _ in ids { try await api.work(as: "scaffold") }
                for _ in ids { try await api.work(as: "validation") }
                let found = try await numbers(feed, from: place, until: ids)
                for id in ids {
                    let last = try await api.get("/api/v1/workflows/\(id)").json["version"]?.intValue ?? 0
                    let seen = found[id] ?? []
                    #expect(seen == Array((seen.first ?? 0)...last), "\(id)")
                    if id != before { #expect(seen.first == 1) }
                }
                // Another tenant's feed hears nothing of it.
                let others = EventFeed(
                    tenant: "other", store: api.store, feed: live,
                    logger: Logger(label: "feed") { _ in SilentHandler() })
                let start = try await others.join()
                defer { others.leave() }
                let reading = Task { await others.read(from: start, limit: 10, maxBytes: 1 << 20) }
                let id = try await api.createdID("unheard")
                _ = try await api.get("/api/v1/workflows/\(id)/events") { ($0["items"]?.arrayValue?.count ?? 0) > 1 }
                reading.cancel()
                #expect(await reading.value.entries.isEmpty)
            }
        }

        /// Takes messages, and holds up the first until it is let on.
        private actor SlowReader {
            private(set) var messages: [JSONValue] = []
            private var isHeld = true
            private var waiting: [CheckedContinuation<Void, Never>] = []

            func take(_ buffers: [ByteBuffer]) async throws {
                if isHeld { await withCheckedContinuation { waiting.append($0) } }
                for buffer in buffers { messages.append(try JSONValue(parsing: Array(buffer.readableBytesView))) }
            }

            func letOn() {
                isHeld = false
                for continuation in waiting { continuation.resume() }
                waiting = []
            }
        }

        @Test("Who reads too slowly is told so, and gets what it missed from the record")
        func resync() async throws {
            try await withAPI { api in
                let feed = EventFeed(
                    tenant: "default", store: api.store, feed: api.orchestrator.feed,
                    logger: Logger(label: "feed") { _ in SilentHandler() }, ring: EventRing(maxEntries: 4))
                let place = try await feed.join()
                defer { feed.leave() }
                let reader = SlowReader()
                let follower = EventFollower(
                    feed: feed, store: api.store, tenant: "default", types: nil,
                    send: { buffers in
                        do {
                            try await reader.take(buffers)
                        } catch {
                            Issue.record("no message: \(error)")
                        }
                    },
                    refuse: { Issue.record("\($0)") })
                let following = Task { await follower.run(from: place, since: .now()) }
                var ids: [String] = []
                for number in 0..<5 { ids.append(try await api.createdID("w\(number)")) }
                for _ in ids { try await api.work(as: "scaffold") }
                for _ in ids { try await api.work(as: "validation") }
                for id in ids { _ = try await api.get("/api/v1/workflows/\(id)") { $0["status"] == "completed" } }
                await reader.letOn()
                var wanted: Set<[String]> = []
                for id in ids {
                    let last = try await api.get("/api/v1/workflows/\(id)").json["version"]?.intValue ?? 0
                    for number in 1...last { wanted.insert([id, "\(number)"]) }
                }
                var heard: Set<[String]> = []
                let clock = ContinuousClock.now
                while heard != wanted, ContinuousClock.now - clock < .seconds(30) {
                    try await Task.sleep(for: .milliseconds(20))
                    heard = Set(
                        await reader.messages.compactMap { message in
                            guard let id = message["workflow_id"]?.stringValue,
                                let number = message["event"]?["seq"]?.intValue
                            else { return nil }
                            return [id, "\(number)"]
                        })
                }
                #expect(heard == wanted)
                let words = await reader.messages.filter { $0["type"] == "resync" }
                #expect(!words.isEmpty && words.allSatisfy { $0["missed"]?.intValue ?? 0 > 0 })
                following.cancel()
                await following.value
            }
        }
    }
}

@Suite("Hearing other orchestrators")
struct HearingTests {
    private func event(_ id: UniqueID, _ sequence: Int64) -> (workflowID: UniqueID, sequence: Int64) {
        (workflowID: id, sequence: sequence)
    }

    private let mine = UniqueID(high: 1, low: 1)
    private let theirs = UniqueID(high: 1, low: 2)

    @Test("What others announce wakes watchers; what was announced here does not")
    func own() async {
        let feed = LiveFeed()
        let listener = feed.listen()
        let (watchMine, watchTheirs) = (feed.watch(mine), feed.watch(theirs))
        feed.setHearing(true)
        #expect(feed.hearsSince != nil)
        // Hearing begins: everybody looks once.
        await watchMine.news(within: .seconds(5))
        await watchTheirs.news(within: .seconds(5))
        feed.noteOwn([event(mine, 4)])
        feed.heard([event(mine, 3), event(mine, 4)])
        #expect(listener.take().isEmpty)
        feed.heard([event(mine, 4), event(theirs, 9)])
        #expect(listener.take() == [theirs])
        let begun = ContinuousClock.now
        await watchTheirs.news(within: .seconds(20))
        #expect(ContinuousClock.now - begun < .seconds(10), "there was news")
        feed.heard([event(mine, 5)])
        #expect(listener.take() == [mine])
        feed.setHearing(false)
        #expect(feed.hearsSince == nil)
        listener.stop()
        feed.notify([mine])
        #expect(listener.take().isEmpty)
        withExtendedLifetime((watchMine, watchTheirs)) {}
    }

    @Test("While nobody watches nothing is kept")
    func nobody() {
        let feed = LiveFeed()
        #expect(!feed.isWatched)
        let listener = feed.listen()
        #expect(feed.isWatched)
        listener.stop()
        #expect(!feed.isWatched)
    }
}
