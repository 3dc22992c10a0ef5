import JSONTools
import Testing

@testable import BatonCLI

@Suite("Columns of a text")
struct DisplayWidthTests {
    @Test(
        "letters take one column, East Asian ones and emoji two, marks that combine none",
        arguments: [
            ("", 0), ("plain", 5), ("naïve", 5), ("e\u{301}", 1), ("計算機", 6), ("한국어", 6), ("ｶﾅ", 2), ("Ａ", 2),
            ("👍", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("❤️", 2), ("👍🏽", 2), ("…✔", 2), ("a\u{200B}b", 2), ("〈〉", 4),
        ])
    func widths(text: String, columns: Int) {
        #expect(DisplayWidth.of(text) == columns)
    }

    @Test(
        "a cut text has no more columns than asked for, and no half characters",
        arguments: [
            ("計算機のアプリ", 6, "計算…"), ("計算機", 6, "計算機"), ("計算機", 5, "計算…"), ("abc", 2, "a…"), ("abc", 0, ""),
            ("👩‍👩‍👧👩‍👩‍👧", 3, "👩‍👩‍👧…"),
        ])
    func cuts(text: String, columns: Int, expected: String) {
        #expect(Formatting.cut(text, to: columns) == expected)
        #expect(DisplayWidth.of(Formatting.cut(text, to: columns)) <= columns)
    }

    @Test("columns of a table stand below each other whatever is in them")
    func table() {
        let lines = Formatting.table(["A", "B"], [["計算", "x"], ["👍a", "y"], ["abcd", "z"]])
        #expect(lines == ["A     B", "計算  x", "👍a   y", "abcd  z"])
    }

    @Test("what turns the direction of writing around, or ends a line, is left out of others' text")
    func hidden() {
        #expect(Formatting.clean("a\u{202E}b\u{2066}c\u{2028}d") == "abcd")
    }

    @Test("a line is cut across its pieces, and keeps their colours")
    func styled() {
        var line = StyledLine("ab", .red)
        line.append("cdef", .dim)
        #expect(line.cut(to: 6) == line)
        #expect(line.cut(to: 4).text == "abc…")
        #expect(line.cut(to: 4).pieces.map(\.colour) == [.red, .dim])
        #expect(line.cut(to: 2).text == "a…", "that something is missing can be seen")
        #expect(StyledLine("a\tb").text == "a    b")
    }
}

@Suite("The live view")
struct LiveScreenTests {
    static let start = Timestamp(rfc3339: "2026-01-01T00:00:00.000Z") ?? .now()

    static func workflow(_ stages: [JSONValue], status: String = "running", more: JSONObject = [:]) -> WorkflowView {
        var document: JSONObject = [
            "id": "0190", "name": "shop", "type": "app", "status": .string(status), "stages": .array(stages),
            "created_at": "2026-01-01T00:00:00.000Z",
        ]
        for (key, value) in more { document[key] = value }
        return WorkflowView(.object(document))
    }

    static func stage(_ name: String, _ status: String, more: JSONObject = [:]) -> JSONValue {
        var document: JSONObject = [
            "name": .string(name), "agent": "scaffold", "status": .string(status), "attempt": 1, "generation": 1,
            "started_at": "2026-01-01T00:00:01.000Z",
        ]
        for (key, value) in more { document[key] = value }
        return .object(document)
    }

    private func line(_ number: Int) throws -> LogLine {
        LogLine(["stage": "test", "text": .string("line \(number)"), "level": "info"])
    }

    @Test("a line for each stage with mark, agent, time and fact; the log's end; how far it is")
    func frame() throws {
        var screen = LiveScreen(
            Self.workflow([
                Self.stage("plan", "completed", more: ["duration_ms": 1234, "output": ["summary": "two pages"]]),
                Self.stage("test", "running"), Self.stage("deploy", "pending"),
            ]))
        for number in 1...20 { screen.take(try line(number)) }
        let now = Self.start + .seconds(13)
        #expect(
            screen.frame(width: 80, height: 24, now: now).map(\.text) == [
                "shop  app, 3 stages  0190", "  ✔ plan          scaffold      1.2 s  two pages",
                "  ⠴ test          scaffold       12 s", "  · deploy        scaffold           ", "",
                "  │ test  line 13", "  │ test  line 14", "  │ test  line 15", "  │ test  line 16",
                "  │ test  line 17", "  │ test  line 18", "  │ test  line 19", "  │ test  line 20",
                "  1 of 3 stages, 13 s; Ctrl-C leaves it running",
            ])
    }

    @Test(
        "no frame is higher or wider than the terminal, whatever is in it",
        arguments: [1, 2, 3, 4, 5, 8, 12, 24, 60], [1, 5, 12, 20, 40, 80, 200])
    func bounds(height: Int, width: Int) throws {
        let names = (1...30).map { "段階-\($0)-with-a-name" }
        let stages = names.enumerated().map { index, name in
            let status = index < 11 ? "completed" : index < 14 ? "running" : "pending"
            return Self.stage(name, status, more: ["output": ["summary": .string(String(repeating: "事実 ", count: 60))]])
        }
        let asked: JSONValue = [
            ["stage": .string(names[12]), "round": 1, "id": "colour", "text": "Which? 👩‍👩‍👧", "options": ["red"]]
        ]
        var screen = LiveScreen(
            Self.workflow(
                stages,
                more: [
                    "questions": asked,
                    "waiting_for": ["kind": "agent", "what": "an agent", "since": "2026-01-01T00:00:00.000Z"],
                ]))
        for number in 1...20 { screen.take(try line(number)) }
        let frame = screen.frame(width: width, height: height, now: Self.start + .seconds(9))
        #expect(frame.count <= max(height - 1, 1))
        #expect(frame.allSatisfy { $0.columns <= max(width - 1, 1) }, "\(frame.map(\.columns))")
        if height > 3 && width > 4 { #expect(frame[0].text.hasPrefix(width > 5 ? "shop" : "sho")) }
    }

    @Test("in a low terminal what runs is in sight, and what isn't is counted")
    func window() {
        let stages = (1...30).map { number in
            Self.stage("s\(number)", number < 12 ? "completed" : number == 12 ? "running" : "pending")
        }
        let frame = LiveScreen(Self.workflow(stages)).frame(width: 80, height: 9, now: Self.start).map(\.text)
        #expect(frame.count == 8)
        #expect(frame[1] == "  ✔ 10 more above, all ended")
        #expect(frame[2].hasPrefix("  ✔ s11"))
        #expect(frame[3].contains(" s12 "))
        #expect(frame[6] == "  · 16 more below")
        let late = (1...30).map { Self.stage("s\($0)", $0 < 30 ? "completed" : "running") }
        let last = LiveScreen(Self.workflow(late)).frame(width: 80, height: 9, now: Self.start).map(\.text)
        #expect(last[1] == "  ✔ 25 more above, all ended" && last[6].contains(" s30 "))
        let parallel = (1...30).map { Self.stage("s\($0)", "running") }
        let wide = LiveScreen(Self.workflow(parallel)).frame(width: 80, height: 9, now: Self.start).map(\.text)
        #expect(wide[6] == "  · 25 more below, 25 of them running")
    }

    @Test("in a narrow terminal first the facts go, then the agents, then ends of names, then the times")
    func narrow() {
        let screen = LiveScreen(
            Self.workflow([
                Self.stage("dependency_installation", "completed", more: ["duration_ms": 700])
            ]))
        func row(_ width: Int) -> String { screen.frame(width: width, height: 24, now: Self.start)[1].text }
        #expect(row(80).contains("scaffold      0.7 s"))
        #expect(row(45) == "  ✔ dependency_installation      0.7 s")
        #expect(row(30) == "  ✔ dependency_in…      0.7 s")
        #expect(row(20) == "  ✔ dependency_ins…")
    }

    @Test("a further attempt says what ended the one before; questions say how to answer; a pause how to go on")
    func notes() {
        var screen = LiveScreen(
            Self.workflow([
                Self.stage("test", "running", more: ["error": ["code": "AGENT_LOST", "message": "it died"]])
            ]))
        screen.take(Self.workflow([Self.stage("test", "running", more: ["attempt": 2])]))
        let row = screen.frame(width: 80, height: 24, now: Self.start)[1].text
        #expect(row.hasSuffix("attempt 2 after AGENT_LOST: it died"))
        let asked: JSONValue = [["stage": "test", "round": 1, "id": "colour", "text": "Which?", "options": ["red"]]]
        screen.take(
            Self.workflow(
                [Self.stage("test", "awaiting_answers")], status: "awaiting_clarification", more: ["questions": asked]))
        let lines = screen.frame(width: 80, height: 24, now: Self.start).map(\.text)
        #expect(lines.contains("      colour: Which? (red)"))
        #expect(lines.contains("    answer: `baton answer 0190 colour=…`"))
        screen.take(Self.workflow([Self.stage("test", "pending")], status: "paused"))
        #expect(screen.frame(width: 80, height: 24, now: Self.start)[2].text.contains("`baton resume 0190`"))
        screen.isServerSilent = true
        #expect(screen.frame(width: 80, height: 24, now: Self.start)[2].text == "  … the server does not answer")
    }

    @Test("what is waited for is told after three seconds")
    func waiting() {
        let wait: JSONValue = [
            "kind": "agent", "what": "an agent", "since": "2026-01-01T00:00:00.000Z", "help": "start",
        ]
        let screen = LiveScreen(Self.workflow([Self.stage("a", "pending")], more: ["waiting_for": wait]))
        #expect(screen.frame(width: 80, height: 24, now: Self.start + .seconds(2)).count == 3)
        let later = screen.frame(width: 80, height: 24, now: Self.start + .seconds(12))
        #expect(later[2].text == "  … waiting for an agent, for 12 s: start")
    }

    @Test("what stays are the heading and the stages that ended, all of them")
    func last() {
        let stages = (1...50).map { Self.stage("s\($0)", $0 < 41 ? "completed" : $0 == 41 ? "failed" : "cancelled") }
        let ended = LiveScreen(Self.workflow(stages + [Self.stage("never", "pending")], status: "failed"))
        let lines = ended.lastFrame(width: 80, now: Self.start).map(\.text)
        #expect(lines.count == 51)
        #expect(lines[41].hasPrefix("  ✘ s41"))
    }
}

@Suite("Frames on a terminal")
struct FramePainterTests {
    private let plain = Terminal(isInteractive: true, hasColours: false)

    private func lines(_ texts: String...) -> [StyledLine] { texts.map { StyledLine($0) } }

    @Test("a frame replaces the one before, whether it is higher or lower, below what was there")
    func replaces() {
        var painter = FramePainter(plain)
        var terminal = SmallTerminal(width: 20, height: 10)
        terminal.feed("$ baton\r\n")
        for frame in [lines("a", "b"), lines("a", "longer", "c"), lines("x"), lines("x", "y")] {
            terminal.feed(painter.draw(frame, width: 20, height: 10))
            #expect(terminal.lines == ["$ baton"] + frame.map(\.text))
            #expect(terminal.isCursorHidden && terminal.wraps)
        }
        terminal.feed(painter.finish(lines("end"), width: 20))
        #expect(terminal.lines == ["$ baton", "end"])
        #expect(!terminal.isCursorHidden && terminal.cursor == 2)
        #expect(terminal.unknown.isEmpty)
    }

    @Test("nothing is written when nothing changed, and otherwise only the lines that did")
    func little() {
        var painter = FramePainter(plain)
        _ = painter.draw(lines("one", "two"), width: 20, height: 10)
        #expect(painter.draw(lines("one", "two"), width: 20, height: 10) == "")
        let next = painter.draw(lines("one", "2"), width: 20, height: 10)
        #expect(next.contains("2") && !next.contains("one"))
    }

    @Test("a terminal that became narrower and has broken the lines shows one frame, not two", arguments: [4, 5, 7, 9])
    func narrower(width: Int) {
        var painter = FramePainter(plain)
        var terminal = SmallTerminal(width: 20, height: 30)
        terminal.feed("$ baton\r\n")
        terminal.feed(painter.draw(lines("a long first line", "a long second one", "z"), width: 20, height: 30))
        terminal.narrow(to: width)
        let top = terminal.lines.prefix { !$0.hasPrefix("a lo") }.count
        let frame = lines("a", "b", "c")
        terminal.feed(painter.draw(frame, width: width, height: 30))
        #expect(Array(terminal.lines.dropFirst(top)) == ["a", "b", "c"])
    }

    @Test("a line that the terminal thinks wider than we do doesn't push the others away")
    func misjudged() {
        var painter = FramePainter(plain)
        var terminal = SmallTerminal(width: 5, height: 10)
        terminal.feed(painter.draw(lines("123456789", "b"), width: 5, height: 10))
        #expect(terminal.lines == ["12345", "b"])
    }

    @Test("after a stop the next frame stands below, and nothing is left hidden")
    func stop() {
        var painter = FramePainter(plain)
        var terminal = SmallTerminal(width: 20, height: 10)
        terminal.feed(painter.draw(lines("a"), width: 20, height: 10))
        terminal.feed(painter.release())
        #expect(!terminal.isCursorHidden)
        terminal.feed("[1]+ stopped\r\n")
        terminal.feed(painter.draw(lines("a"), width: 20, height: 10))
        #expect(terminal.lines == ["a", "[1]+ stopped", "a"])
        #expect(terminal.isCursorHidden)
        #expect(painter.finish([], width: 20).hasSuffix("\u{1B}[?25h"))
        #expect(painter.finish([], width: 20) == "" && painter.release() == "")
    }

    @Test("colours only where they are allowed")
    func colours() {
        var coloured = FramePainter(Terminal(isInteractive: true, hasColours: true))
        #expect(coloured.draw([StyledLine("x", .red)], width: 9, height: 9).contains("\u{1B}[31mx\u{1B}[0m"))
        var painter = FramePainter(plain)
        #expect(!painter.draw([StyledLine("x", .red)], width: 9, height: 9).contains("\u{1B}[31m"))
    }
}
