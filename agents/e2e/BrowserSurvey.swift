import JSONTools

/// What the browser saw when it walked through the running app: the answer of `survey.py`.
struct BrowserSurvey: Sendable, Hashable {
    /// Something that is wrong, or not as it should be, on a page.
    struct Finding: Sendable, Hashable {
        /// Whether it fails the stage.
        var isError: Bool
        /// `console_error`, `page_error`, `request_failed`, `http_error`, `navigation`, `accessibility`, `overflow`,
        /// `dead_button`, `inert_button`, `slow_page`, `changed`.
        var kind: String
        var page: String
        var message: String
    }

    /// An input, a text area or a list of choices.
    struct Field: Sendable, Hashable {
        var selector: String
        var tag: String
        var type: String
        /// Whether a person could type into it now.
        var isUsable: Bool
    }

    /// A button that can be pressed.
    struct Button: Sendable, Hashable {
        var selector: String
        var text: String
    }

    /// One page.
    struct Page: Sendable, Hashable {
        var path: String
        /// nil when there was no answer.
        var status: Int?
        var isHTML: Bool
        var title: String
        /// Of the fastest of all times that it was opened.
        var loadMilliseconds: Int
        /// From the request to the first byte, of the first time; nil where the browser doesn't say.
        var firstByteMilliseconds: Int?
        var forms: Int
        var fields: [Field]
        /// Those that are visible and enabled.
        var buttons: [Button]
        /// Paths of the pictures, relative to the survey's directory: desktop, phone, dark.
        var screenshots: [String]
        /// Paths of pictures that show a finding: a dead button, what has changed.
        var evidence: [String] = []
        var findings: [Finding]
    }

    /// Name and version of the browser.
    var browser: String
    var pages: [Page]
    /// Links that were not followed because there were too many.
    var unvisited: Int
    /// Buttons that were not pressed because time was up, or there were too many.
    var unpressed = 0

    var findings: [Finding] { pages.flatMap(\.findings) }
}

extension BrowserSurvey {
    /// Adds a warning for every page that took longer than a limit each time that it was opened.
    ///
    /// - Parameter limit: in milliseconds.
    mutating func addSlowPages(over limit: Int) {
        for index in pages.indices where pages[index].loadMilliseconds > limit {
            let page = pages[index]
            let first = page.firstByteMilliseconds.map { ", the first byte after \($0) ms" } ?? ""
            pages[index].findings.append(
                Finding(
                    isError: false, kind: "slow_page", page: page.path,
                    message: "it took \(page.loadMilliseconds) ms to load\(first); the limit is \(limit) ms"))
        }
    }

    /// Adds what came of pressing the buttons: a warning for each that does nothing, with a picture of it.
    ///
    /// - Parameter json: `buttons.json` of `survey.py`.
    mutating func add(buttons json: JSONValue) {
        unpressed = json["left"]?.intValue.map { Int($0) } ?? 0
        for button in json["inert"]?.arrayValue ?? [] {
            guard let path = button["page"]?.stringValue, let index = pages.firstIndex(where: { $0.path == path })
            else {
                continue
            }
            let text = button["text"]?.stringValue ?? ""
            let selector = button["selector"]?.stringValue ?? ""
            pages[index].findings.append(
                Finding(
                    isError: false, kind: "inert_button", page: path,
                    message: "something listens to \"\(text)\" (\(selector)), but nothing happens when it is pressed: "
                        + "no change in the page, no request, no other page, no message"))
            if let picture = button["picture"]?.stringValue { pages[index].evidence.append(picture) }
        }
    }

    /// Reads `survey.json`; what isn't there counts as empty, as it is our own script that writes it.
    init(json: JSONValue) {
        browser = json["browser"]?.stringValue ?? "Chromium"
        pages = (json["pages"]?.arrayValue ?? []).map(Page.init(json:))
        unvisited = json["unvisited"]?.intValue ?? 0
    }
}

extension BrowserSurvey.Page {
    init(json: JSONValue) {
        path = json["path"]?.stringValue ?? "/"
        status = json["status"]?.intValue
        isHTML = json["content_type"]?.stringValue?.contains("html") ?? false
        title = json["title"]?.stringValue ?? ""
        let loads = ["load_ms", "phone_load_ms", "dark_load_ms"].compactMap { json[$0]?.intValue }
        loadMilliseconds = loads.min().map { Int($0) } ?? 0
        firstByteMilliseconds = json["first_byte_ms"]?.intValue.map { Int($0) }
        forms = json["forms"]?.arrayValue?.count ?? 0
        fields = (json["fields"]?.arrayValue ?? []).map { field in
            BrowserSurvey.Field(
                selector: field["selector"]?.stringValue ?? "",
                tag: field["tag"]?.stringValue ?? "",
                type: field["type"]?.stringValue ?? "",
                isUsable: field["visible"]?.boolValue == true && field["editable"]?.boolValue == true
            )
        }
        buttons = (json["buttons"]?.arrayValue ?? [])
            .filter { $0["visible"]?.boolValue == true && $0["enabled"]?.boolValue == true }
            .map { button in
                let text = button["text"]?.stringValue ?? ""
                return BrowserSurvey.Button(
                    selector: button["selector"]?.stringValue ?? "",
                    text: text.isEmpty ? button["label"]?.stringValue ?? "" : text
                )
            }
        screenshots = ["screenshot", "phone_screenshot", "dark_screenshot"].compactMap { json[$0]?.stringValue }
        evidence = (json["evidence"]?.arrayValue ?? []).compactMap(\.stringValue)
        findings = (json["findings"]?.arrayValue ?? []).map { finding in
            BrowserSurvey.Finding(
                isError: finding["severity"]?.stringValue != "warning",
                kind: finding["kind"]?.stringValue ?? "",
                page: finding["page"]?.stringValue ?? "",
                message: finding["message"]?.stringValue ?? ""
            )
        }
    }
}
