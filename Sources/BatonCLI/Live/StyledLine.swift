/// A line of a live view: pieces of text, each in a colour or plain, without control characters.
struct StyledLine: Sendable, Hashable {
    struct Piece: Sendable, Hashable {
        var text: String
        var colour: Terminal.Colour?
    }

    private(set) var pieces: [Piece] = []

    init(_ text: String = "", _ colour: Terminal.Colour? = nil) { append(text, colour) }

    /// The line without its colours.
    var text: String { pieces.map(\.text).joined() }
    /// Its columns on a terminal.
    var columns: Int { pieces.reduce(0) { $0 + DisplayWidth.of($1.text) } }

    mutating func append(_ text: String, _ colour: Terminal.Colour? = nil) {
        // A tab would jump to wherever the terminal has its stops.
        let text = text.replacing("\t", with: "    ")
        if !text.isEmpty { pieces.append(Piece(text: text, colour: colour)) }
    }

    /// The line cut to so many columns, with an ellipsis if something is missing.
    func cut(to columns: Int) -> StyledLine {
        guard self.columns > columns else { return self }
        var result = StyledLine()
        var left = columns
        for piece in pieces {
            let width = DisplayWidth.of(piece.text)
            // The last piece that fits gives way to the ellipsis.
            if width >= left {
                let cut = DisplayWidth.cut(piece.text + " ", to: left)
                result.append(cut, piece.colour)
                return result
            }
            result.append(piece.text, piece.colour)
            left -= width
        }
        return result
    }

    /// The line as a terminal takes it.
    func rendered(_ terminal: Terminal) -> String {
        pieces.map { piece in piece.colour.map { terminal.paint(piece.text, $0) } ?? piece.text }.joined()
    }
}
