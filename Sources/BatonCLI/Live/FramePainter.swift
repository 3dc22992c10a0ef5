/// Draws frames over each other on a terminal, as a value: lines in, what to write out.
///
/// The frame stands where the cursor was when it was drawn first, below what was printed before; the cursor waits at the
/// beginning of the line after it. Each frame is one text, to be written at once, and has only the lines that changed.
struct FramePainter: Sendable {
    private static let hideCursor = "\u{1B}[?25l"
    private static let showCursor = "\u{1B}[?25h"
    /// Whether a line that is too long goes on in the next one. It is off while a frame is drawn: should the terminal
    /// think a character wider than we do, the line is cut and the frame keeps its height.
    private static let wrapOff = "\u{1B}[?7l"
    private static let wrapOn = "\u{1B}[?7h"

    private let terminal: Terminal
    private var shown: [StyledLine] = []
    /// The terminal's size when the frame was drawn.
    private var width = 0
    private var height = 0
    private var isCursorHidden = false

    init(_ terminal: Terminal) { self.terminal = terminal }

    /// Draws a frame over the one before.
    ///
    /// - Parameters:
    ///   - width: columns that the terminal has now.
    ///   - height: rows that it has now.
    /// - Returns: what to write, at once; "" if nothing changed.
    mutating func draw(_ lines: [StyledLine], width: Int, height: Int) -> String {
        // A terminal whose size changed has moved what it shows, nobody knows how: all is drawn anew.
        let isSameSize = width == self.width && height == self.height
        if lines == shown && isSameSize && isCursorHidden { return "" }
        var text = isCursorHidden ? "" : Self.hideCursor
        text += Self.wrapOff + moveToTop(width: width)
        if !isSameSize { text += "\u{1B}[J" }
        for (index, line) in lines.enumerated() {
            let isUnchanged = isSameSize && index < shown.count && shown[index] == line
            text += isUnchanged ? "\r\n" : line.rendered(terminal) + "\u{1B}[K\r\n"
        }
        if lines.count < shown.count && isSameSize { text += "\u{1B}[J" }
        shown = lines
        (self.width, self.height) = (width, height)
        isCursorHidden = true
        return text + Self.wrapOn
    }

    /// Replaces the frame by lines that stay, however many, and gives the cursor back.
    mutating func finish(_ lines: [StyledLine], width: Int) -> String {
        guard isCursorHidden || !lines.isEmpty else { return "" }
        var text = moveToTop(width: width) + "\u{1B}[J"
        for line in lines { text += line.rendered(terminal) + "\r\n" }
        if isCursorHidden { text += Self.showCursor }
        shown = []
        isCursorHidden = false
        return text
    }

    /// Leaves the frame as it is and gives the cursor back: the next frame is drawn below.
    mutating func release() -> String {
        guard isCursorHidden else { return "" }
        shown = []
        isCursorHidden = false
        return Self.showCursor
    }

    /// To the first line of the frame. A terminal that became narrower has broken lines that were wider in two or more.
    private func moveToTop(width: Int) -> String {
        let rows = shown.reduce(0) { rows, line in
            let columns = line.columns
            return rows + (width < self.width && columns > width && width > 0 ? (columns + width - 1) / width : 1)
        }
        return rows > 0 ? "\r\u{1B}[\(rows)A" : "\r"
    }
}
