import JSONTools

/// What the browser saw when it walked through the running app: the answer of `survey.py`.
struct BrowserSurvey: Sendable, Hashable {
    /// Something that is wrong, or not as it should be, on a page.
    struct Finding: Sendable, Hashable {
        /// Whether it fails the stage.
        var isError: Bool
        /// `console_error`, `page_error`, `request_failed`, `http_error`, `navigation`, `accessibility`, `overflow`,
        /// `dead_button`, `changed`.
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
        var loadMilliseconds: Int
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

    var findings: [Finding] { pages.flatMap(\.findings) }
}

extension BrowserSurvey {
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
        loadMilliseconds = json["load_ms"]?.intValue ?? 0
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
