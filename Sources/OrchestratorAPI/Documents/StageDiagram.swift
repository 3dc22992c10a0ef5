/// Stages and their needs as a picture (SVG 1.1): each stage in the column after the last one that it needs.
struct StageDiagram: Sendable {
    /// A box of the picture.
    struct Stage: Sendable {
        var name: String
        var agent: String
        var needs: [String]
        var status: String
    }

    private static let width = 180
    private static let height = 54
    private static let gapX = 50
    private static let gapY = 22
    private static let margin = 16

    let title: String
    let stages: [Stage]

    /// The picture as text.
    var svg: String {
        let places = places
        let columns = (places.values.map(\.column).max() ?? 0) + 1
        let rows = (places.values.map(\.row).max() ?? 0) + 1
        let width = 2 * Self.margin + columns * Self.width + (columns - 1) * Self.gapX
        let height = 2 * Self.margin + rows * Self.height + (rows - 1) * Self.gapY
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" font-family="sans-serif" role="img">
            <title>\(Self.escaped(title))</title>
            <rect width="100%" height="100%" fill="#ffffff"/>

            """
        for stage in stages {
            guard let place = places[stage.name] else { continue }
            for need in stage.needs {
                guard let start = places[need] else { continue }
                text += edge(from: start, to: place)
            }
        }
        for stage in stages {
            guard let place = places[stage.name] else { continue }
            text += box(stage, at: place)
        }
        return text + "</svg>\n"
    }

    private struct Place {
        var column: Int
        var row: Int

        var x: Int { margin + column * (width + gapX) }
        var y: Int { margin + row * (height + gapY) }
    }

    /// Stages come after those that they need, as definitions keep them.
    private var places: [String: Place] {
        var places: [String: Place] = [:]
        var used: [Int: Int] = [:]
        for stage in stages {
            let column = (stage.needs.compactMap { places[$0]?.column }.max() ?? -1) + 1
            let row = used[column, default: 0]
            used[column] = row + 1
            places[stage.name] = Place(column: column, row: row)
        }
        return places
    }

    private func edge(from start: Place, to end: Place) -> String {
        let (x1, y1) = (start.x + Self.width, start.y + Self.height / 2)
        let (x2, y2) = (end.x, end.y + Self.height / 2)
        let middle = x2 - Self.gapX / 2
        return """
            <path d="M\(x1) \(y1)H\(middle)V\(y2)H\(x2 - 6)" fill="none" stroke="#8a94a3" stroke-width="1.5"/>
            <path d="M\(x2 - 8) \(y2 - 4)L\(x2) \(y2)L\(x2 - 8) \(y2 + 4)z" fill="#8a94a3"/>

            """
    }

    private func box(_ stage: Stage, at place: Place) -> String {
        let (fill, line) = Self.colours(of: stage.status)
        return """
            <g><title>\(Self.escaped(stage.name)): \(Self.escaped(stage.status))</title>
            <rect x="\(place.x)" y="\(place.y)" width="\(Self.width)" height="\(Self.height)" rx="8" fill="\(fill)" \
            stroke="\(line)" stroke-width="1.5"/>
            <text x="\(place.x + 12)" y="\(place.y + 22)" font-size="13" fill="#16202c">\(Self.shown(stage.name, 22))</text>
            <text x="\(place.x + 12)" y="\(place.y + 41)" font-size="11" fill="#4a5665">\
            \(Self.shown("\(stage.agent) · \(stage.status)", 28))</text></g>

            """
    }

    private static func colours(of status: String) -> (fill: String, line: String) {
        switch status {
        case "completed": ("#e3f6e8", "#2f9e56")
        case "failed": ("#fde7e7", "#c53b3b")
        case "running": ("#e4effd", "#2f6fd0")
        case "awaiting_answers": ("#fff3d6", "#c58a12")
        case "cancelled", "skipped": ("#eef0f2", "#9aa3ad")
        default: ("#ffffff", "#b9c1ca")
        }
    }

    private static func shown(_ text: String, _ count: Int) -> String {
        escaped(text.count <= count ? text : text.prefix(count - 1) + "…")
    }

    /// Text as content or attribute of XML 1.0, without the characters that it can't hold.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped += " "
            case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": continue
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
