/// One event of a stream of server-sent events.
struct ServerSentEvent: Sendable, Hashable {
    /// The last `id:` seen, "" if none; sent back as `Last-Event-ID` to go on after it.
    var id: String
    /// The kind; `message` if the stream names none.
    var kind: String
    /// The data lines, joined by line feeds.
    var data: String
}

/// Reads a stream of server-sent events piece by piece (WHATWG HTML, 9.2.6 "Interpreting an event stream").
struct ServerSentEventParser: Sendable {
    /// An event larger than this is dropped: nothing that Baton sends is.
    static let maxEventBytes = 4 << 20

    private var line: [UInt8] = []
    private var endedWithReturn = false
    private var isFirstLine = true
    private var lastID = ""
    private var kind = ""
    private var data: [String] = []
    private var dataBytes = 0

    /// Takes the next bytes of the stream.
    ///
    /// - Returns: the events that are complete now.
    mutating func feed(_ bytes: some Sequence<UInt8>) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\n") where endedWithReturn:
                endedWithReturn = false
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                endedWithReturn = byte == UInt8(ascii: "\r")
                if let event = endLine() { events.append(event) }
            default:
                endedWithReturn = false
                if line.count < Self.maxEventBytes { line.append(byte) }
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        var text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        if isFirstLine {
            isFirstLine = false
            if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        }
        if text.isEmpty { return dispatch() }
        if text.hasPrefix(":") { return nil }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count > 1 ? parts[1] : ""
        if value.hasPrefix(" ") { value = value.dropFirst() }
        switch parts[0] {
        case "event": kind = String(value)
        case "id": if !value.utf8.contains(0) { lastID = String(value) }
        case "data":
            dataBytes += value.utf8.count
            if dataBytes <= Self.maxEventBytes { data.append(String(value)) }
        default: break  // `retry` and unknown fields
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer { (kind, data, dataBytes) = ("", [], 0) }
        guard !data.isEmpty, dataBytes <= Self.maxEventBytes else { return nil }
        return ServerSentEvent(
            id: lastID, kind: kind.isEmpty ? "message" : kind, data: data.joined(separator: "\n"))
    }
}
