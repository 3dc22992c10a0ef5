import Testing

@testable import AgentRuntime

@Suite("Output of tools")
struct OutputTests {
    private func feed(
        _ splitter: inout LineSplitter, _ text: String, room: Int = .max
    ) -> (lines: [String], dropped: Int) {
        var lines: [String] = []
        let dropped = Array(text.utf8).withUnsafeBytes { splitter.feed($0, room: room) { lines.append($0) } }
        return (lines, dropped)
    }

    @Test("Lines are cut at newlines however the bytes arrive")
    func lines() {
        var splitter = LineSplitter()
        #expect(feed(&splitter, "one\ntw").lines == ["one"])
        #expect(feed(&splitter, "o\r\n\nthree").lines == ["two", ""])
        #expect(splitter.finish() == "three")
        #expect(splitter.finish() == nil)
    }

    @Test("A line over 4 KiB is cut, the next one is whole")
    func longLine() {
        var splitter = LineSplitter()
        let (lines, _) = feed(&splitter, String(repeating: "x", count: 10_000) + "\nnext\n")
        #expect(lines.map(\.utf8.count) == [LineSplitter.maxLineBytes + " …".utf8.count, 4])
    }

    @Test("Without room lines are counted, and whole again when there is")
    func noRoom() {
        var splitter = LineSplitter()
        #expect(feed(&splitter, "a\nb\nc\nd", room: 1) == (["a"], 2))
        #expect(feed(&splitter, "d\ne\n", room: 5) == (["dd", "e"], 0))
        #expect(feed(&splitter, "lost ", room: 0) == ([], 0))
        #expect(feed(&splitter, "lost\nkept\n", room: 0) == ([], 2))
        #expect(feed(&splitter, "again\n", room: 1).lines == ["again"])
    }

    @Test("What fits is kept whole; of more, the beginning and the end", arguments: [1, 7, 1000, 5000])
    func bounded(chunk: Int) {
        for total in [0, 1000, 1024, 1025, 3000, 20_000] {
            var output = BoundedOutput(limit: 1024)
            let bytes = (0..<total).map { UInt8(truncatingIfNeeded: $0 % 251) }
            var start = 0
            while start < total {
                let end = min(start + chunk, total)
                Array(bytes[start..<end]).withUnsafeBytes { output.append($0) }
                start = end
            }
            let collected = output.collected()
            if total <= 1024 {
                #expect(collected == bytes)
                #expect(!output.truncated)
            } else {
                #expect(output.truncated)
                #expect(collected.starts(with: bytes.prefix(768)))
                #expect(Array(collected.suffix(256)) == Array(bytes.suffix(256)))
                #expect(
                    String(decoding: collected[768...], as: UTF8.self).contains("… \(total - 1024) bytes left out …"))
            }
        }
    }
}
