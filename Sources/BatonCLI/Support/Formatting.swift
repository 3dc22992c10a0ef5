import JSONTools

/// Texts for people.
enum Formatting {
    /// `12 ms`, `0.4 s`, `12 s`, `3 m 07 s`, `2 h 05 m`, `4 d 3 h`.
    static func duration(milliseconds: Int64) -> String {
        let milliseconds = max(milliseconds, 0)
        let seconds = milliseconds / 1000
        switch milliseconds {
        case ..<100: return "\(milliseconds) ms"
        case ..<9_950: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
        case ..<60_000: return "\(seconds) s"
        case ..<3_600_000: return "\(seconds / 60) m \(twoDigits(seconds % 60)) s"
        case ..<86_400_000: return "\(seconds / 3600) h \(twoDigits(seconds / 60 % 60)) m"
        default: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }

    static func duration(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        return self.duration(milliseconds: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }

    /// `512 B`, `3.4 KiB`, `12 MiB`.
    static func bytes(_ count: Int) -> String {
        var value = Double(count)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024 || unit == "GiB" {
                let isWhole = unit == "B" || value >= 10
                return isWhole ? "\(Int(value)) \(unit)" : "\((value * 10).rounded() / 10) \(unit)"
            }
            value /= 1024
        }
        return "\(count) B"
    }

    /// How long ago a time of the API was: `5 s ago`; the text itself if it isn't a time.
    static func age(_ time: String?, now: Timestamp) -> String {
        guard let time else { return "" }
        guard let then = Timestamp(rfc3339: time) else { return time }
        return duration(milliseconds: now.milliseconds - then.milliseconds) + " ago"
    }

    /// Text of others for a terminal: without control characters, which could rewrite what a person sees.
    static func clean(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            // Line separators, and what turns the direction of writing around.
            let isHidden = (0x2028...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            if !(isControl || isHidden) || scalar == "\t" { result.append(scalar) }
        }
        return String(result)
    }

    /// Text cut to so many columns, with an ellipsis if something is missing.
    static func cut(_ text: String, to width: Int) -> String { DisplayWidth.cut(text, to: width) }

    /// Text filled with spaces to so many columns.
    static func pad(_ text: String, to width: Int) -> String { DisplayWidth.pad(text, to: width) }

    /// Columns of text under headings, the last column unpadded.
    static func table(_ headings: [String], _ rows: [[String]]) -> [String] {
        let all = [headings] + rows
        let widths = headings.indices.map { column in all.map { DisplayWidth.of($0[column]) }.max() ?? 0 }
        return all.map { row in
            let cells = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : pad(cell, to: widths[index])
            }
            return cells.joined(separator: "  ")
        }
    }

    /// A word as an argument of a shell command.
    static func shellWord(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-_./:=@%+,".utf8.contains(byte)
                }
            }
        return isPlain
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
