/// A terminal as far as `FramePainter` uses one: text, line ends, and moving, hiding and clearing.
struct SmallTerminal {
    private(set) var width: Int
    private let height: Int
    private var cells: [[Character]] = [[]]
    private var row = 0
    private var column = 0
    private(set) var isCursorHidden = false
    private(set) var wraps = true
    /// Control sequences that it doesn't know.
    private(set) var unknown: [String] = []

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// What is on it, without spaces at the ends of lines.
    var lines: [String] {
        var lines = cells.map { line in
            var text = String(line)
            while text.last == " " { text.removeLast() }
            return text
        }
        while lines.last == "" { lines.removeLast() }
        return lines
    }

    /// The row of the cursor, from 0.
    var cursor: Int { row }

    mutating func feed(_ text: String) {
        var rest = text[...]
        while let next = rest.first {
            if next == "\u{1B}" {
                let body = rest.dropFirst(2).prefix { !$0.isLetter }
                let end = rest.index(body.endIndex, offsetBy: 1)
                control(String(body), rest[body.endIndex])
                rest = rest[end...]
                continue
            }
            rest = rest.dropFirst()
            switch next {
            case "\r\n": (row, column) = (row + 1, 0)
            case "\r": column = 0
            default: put(next)
            }
            while cells.count <= row { cells.append([]) }
            // What leaves at the top is gone.
            while cells.count > height {
                cells.removeFirst()
                row -= 1
            }
        }
    }

    /// Becomes narrower: longer lines are broken, and the cursor stays with its line.
    mutating func narrow(to width: Int) {
        var broken: [[Character]] = []
        var place = 0
        for (number, line) in cells.enumerated() {
            if number == row { place = broken.count }
            var rest = line[...]
            while rest.last == " " { rest.removeLast() }
            repeat {
                broken.append(Array(rest.prefix(width)))
                rest = rest.dropFirst(width)
            } while !rest.isEmpty
        }
        (cells, row, column, self.width) = (broken, place, 0, width)
    }

    private mutating func put(_ character: Character) {
        while cells.count <= row { cells.append([]) }
        if column >= width {
            guard wraps else { return }
            (row, column) = (row + 1, 0)
            while cells.count <= row { cells.append([]) }
        }
        while cells[row].count <= column { cells[row].append(" ") }
        cells[row][column] = character
        column += 1
    }

    private mutating func control(_ body: String, _ kind: Character) {
        switch (body, kind) {
        case ("?25", "l"), ("?25", "h"): isCursorHidden = kind == "l"
        case ("?7", "l"), ("?7", "h"): wraps = kind == "h"
        case ("", "K"): cells[row] = Array(cells[row].prefix(column))
        case ("", "J"):
            cells[row] = Array(cells[row].prefix(column))
            cells.removeSubrange((row + 1)...)
        case (_, "A"): row = max(row - (Int(body) ?? 1), 0)
        case (_, "m"): break
        default: unknown.append(body + String(kind))
        }
    }
}
