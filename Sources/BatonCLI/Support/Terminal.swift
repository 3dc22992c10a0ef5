import Foundation
import Glibc

/// Where the output goes and what it can show.
struct Terminal: Sendable {
    /// Whether standard output is a terminal (live lines are possible).
    var isInteractive: Bool
    /// Whether colours may be used: on a terminal, unless `NO_COLOR` is set (https://no-color.org) or `TERM` is `dumb`.
    var hasColours: Bool
    /// Columns of the terminal.
    var width: Int
    /// Rows of the terminal.
    var height: Int

    init(isInteractive: Bool, hasColours: Bool, width: Int = 100, height: Int = 24) {
        self.isInteractive = isInteractive
        self.hasColours = hasColours
        self.width = width
        self.height = height
    }

    /// What standard output is now.
    static func current(environment: [String: String] = ProcessInfo.processInfo.environment) -> Terminal {
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        var size = winsize()
        // A serial line knows no size and says 0.
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 && size.ws_row > 0
        return Terminal(
            isInteractive: isTerminal,
            hasColours: isTerminal && (environment["NO_COLOR"] ?? "").isEmpty,
            width: isKnown ? Int(size.ws_col) : 80,
            height: isKnown ? Int(size.ws_row) : 24)
    }

    enum Colour: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "36"
        case dim = "2"
        case bold = "1"
    }

    /// The text in a colour, or as it is.
    func paint(_ text: String, _ colour: Colour) -> String {
        hasColours && !text.isEmpty ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// Standard output and standard error, written at once.
enum Output {
    static func line(_ text: String = "") { write(text + "\n", to: STDOUT_FILENO) }

    static func raw(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            // Nobody reads any more (`baton list | head -1`): there is nobody to tell, either.
            guard count > 0 else { exit(0) }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// One line at the bottom of a terminal that is rewritten in place.
struct LiveLine {
    /// What takes longer shows its name and elapsed time.
    static let patience = Duration.seconds(3)

    private let terminal: Terminal
    private var shown = ""

    init(_ terminal: Terminal) { self.terminal = terminal }

    /// Shows a text, cut to the width, instead of the one before; nil clears the line.
    mutating func show(_ text: String?) {
        guard terminal.isInteractive else { return }
        let next = Formatting.cut(text ?? "", to: terminal.width - 1)
        guard next != shown else { return }
        shown = next
        Output.raw("\r\u{1B}[K" + terminal.paint(next, .dim))
    }

    /// Prints a whole line above the live one.
    mutating func print(_ text: String) {
        let live = shown
        show(nil)
        Output.line(text)
        if !live.isEmpty { show(live) }
    }
}
