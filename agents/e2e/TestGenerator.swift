import JSONTools

/// Writes a project's browser tests from what the browser saw and from what the manifest says.
///
/// Pure: the same survey and plan give the same text. The tests belong to the project from then on; they are written
/// when it has none and never overwritten.
struct TestGenerator: Sendable {
    /// A file of the project, by its path in it.
    struct File: Sendable, Hashable {
        var path: String
        var text: String
    }

    static let maxButtonsPerPage = 40
    static let maxFieldsPerPage = 20

    let health: String
    let plan: E2EPlan
    let survey: BrowserSurvey
    /// Whether the health path is one that the project names; otherwise any answer but a crash has to do.
    var knowsHealth = true
    /// What the app's OpenAPI document tells to ask, and where that document is.
    var api: (plan: APIPlan, place: String)?

    /// The test files, without `conftest.py`.
    func files() -> [File] {
        var files = [File(path: "e2e/test_api.py", text: manifestTests())]
        let pages = survey.pages.filter { $0.isHTML && ($0.status ?? 500) < 400 }
        if !pages.isEmpty { files.append(File(path: "e2e/test_pages.py", text: self.pages(pages))) }
        if let api, let file = Self.openAPI(api.plan, place: api.place) { files.append(file) }
        if !plan.scenarios.isEmpty { files.append(File(path: "e2e/test_scenarios.py", text: scenarios())) }
        return files
    }

    // MARK: Pages

    private func pages(_ pages: [BrowserSurvey.Page]) -> String {
        var names = PythonNames()
        var text = Self.header("Every page opens, its fields take what is typed, its buttons break nothing.")
        let hasButtons = pages.contains { !$0.buttons.isEmpty }
        if hasButtons { text += "from urllib.parse import urlsplit\n\n" }
        text +=
            "import pytest\nfrom playwright.sync_api import \(hasButtons ? "TimeoutError, " : "")expect\n\nPAGES = [\n"
        for page in pages {
            text += "    (\(PythonSource.literal(page.path)), \(PythonSource.literal(page.title))),\n"
        }
        text += """
            ]


            @pytest.mark.parametrize(("path", "title"), PAGES)
            def \(names.test("page opens"))(page, path, title):
                response = page.goto(path)
                assert response.ok, f"{path} answered {response.status}"
                expect(page).to_have_title(title)

            """
        if hasButtons { text += Self.press }
        for page in pages {
            text += fields(of: page, names: &names) + buttons(of: page, names: &names)
        }
        return text
    }

    private func fields(of page: BrowserSurvey.Page, names: inout PythonNames) -> String {
        let filled = page.fields.prefix(Self.maxFieldsPerPage).compactMap { field in
            Self.sample(for: field).map { (field.selector, $0) }
        }
        guard !filled.isEmpty else { return "" }
        var text = "\n\ndef \(names.test("fields of \(Self.pageName(page.path))"))(page):\n"
        text += "    page.goto(\(PythonSource.literal(page.path)))\n"
        for (selector, value) in filled {
            let locator = "page.locator(\(PythonSource.literal(selector)))"
            text += "    \(locator).fill(\(PythonSource.literal(value)))\n"
            text += "    expect(\(locator)).to_have_value(\(PythonSource.literal(value)))\n"
        }
        return text
    }

    private func buttons(of page: BrowserSurvey.Page, names: inout PythonNames) -> String {
        guard !page.buttons.isEmpty else { return "" }
        var text = "\n\n@pytest.mark.only_crashes\ndef \(names.test("buttons of \(Self.pageName(page.path))"))(page):\n"
        text += "    for selector in [\n"
        for button in page.buttons.prefix(Self.maxButtonsPerPage) {
            text += "        \(PythonSource.literal(button.selector)),\n"
        }
        text += "    ]:\n        press(page, \(PythonSource.literal(page.path)), selector)\n"
        return text
    }

    private static let press = """


        def press(page, path, selector):
            \"""On the page as it stands, or on a fresh one if it went elsewhere or something is in the way.\"""
            if urlsplit(page.url)[2:4] == urlsplit(path)[2:4]:
                try:
                    return page.locator(selector).click(timeout=1_000)
                except TimeoutError:
                    pass
            page.goto(path)
            page.locator(selector).click()

        """

    /// What is typed into a field; nil for those that take no text. Digits pass most masks.
    static func sample(for field: BrowserSurvey.Field) -> String? {
        guard field.isUsable, !field.selector.isEmpty else { return nil }
        if field.tag == "textarea" { return "7" }
        guard field.tag == "input" else { return nil }
        return switch field.type {
        case "text", "search", "number", "tel", "password", "": "7"
        case "email": "ada@example.com"
        case "url": "https://example.com/"
        case "date": "2026-01-31"
        case "month": "2026-01"
        case "week": "2026-W05"
        case "time": "12:30"
        case "datetime-local": "2026-01-31T12:30"
        default: nil
        }
    }

    // MARK: API

    private func manifestTests() -> String {
        var names = PythonNames()
        var text = Self.header("The app answers as its manifest (baton.json) says.")
        text += """
            def assert_contains(actual, expected, place="answer"):
                \"""Members of objects must be there, lists and everything else must be equal.\"""
                if isinstance(expected, dict):
                    assert isinstance(actual, dict), f"{place} is no object: {actual!r}"
                    for key, value in expected.items():
                        assert key in actual, f"{place} has no {key}: {actual!r}"
                        assert_contains(actual[key], value, f"{place}.{key}")
                else:
                    assert actual == expected, f"{place} is {actual!r}, expected {expected!r}"


            def \(names.test("healthy"))(api):
                response = api.get(\(PythonSource.literal(health)))
                assert \(knowsHealth ? "response.ok" : "response.status < 500"), f"status {response.status}: {response.text()}"

            """
        for endpoint in plan.endpoints {
            text += "\n\ndef \(names.test("\(endpoint.method) \(endpoint.path)"))(api):\n"
            text += "    response = api.fetch(\(PythonSource.literal(endpoint.path)), "
            text += "method=\(PythonSource.literal(endpoint.method))"
            if let body = endpoint.body {
                // As text, so that a body that is no object arrives as it is written.
                text +=
                    ", data=\(PythonSource.literal(body.description)), headers={\"Content-Type\": \"application/json\"}"
            }
            text += ")\n"
            text +=
                "    assert response.status == \(endpoint.status), f\"status {response.status}: {response.text()}\"\n"
            if let json = endpoint.json {
                text += "    assert_contains(response.json(), \(PythonSource.literal(json)))\n"
            }
            if let part = endpoint.text {
                text += "    assert \(PythonSource.literal(part)) in response.text()\n"
            }
        }
        return text
    }

    // MARK: Scenarios

    private func scenarios() -> String {
        var names = PythonNames()
        let needsPattern = plan.scenarios.contains { $0.steps.contains { $0.verb == .expectTitle } }
        let needsMarker = plan.scenarios.contains(where: \.allowsErrors)
        let needsExpect = plan.scenarios.contains { $0.steps.contains { $0.verb.rawValue.hasPrefix("expect") } }
        var text = Self.header("What a person does with the app, step by step, as its manifest (baton.json) says.")
        if needsPattern { text += "import re\n\n" }
        if needsMarker { text += "import pytest\n" }
        if needsExpect { text += "from playwright.sync_api import expect\n" }
        for scenario in plan.scenarios {
            text += "\n\n"
            if scenario.allowsErrors { text += "@pytest.mark.allow_errors\n" }
            text += "def \(names.test(scenario.name))(page):\n"
            text += "    \(PythonSource.documentation(scenario.name))\n"
            for step in scenario.steps { text += "    \(Self.statement(step))\n" }
        }
        return text
    }

    static func statement(_ step: E2EStep) -> String {
        let subject = PythonSource.literal(step.subject)
        let value = PythonSource.literal(step.value)
        let element = "page.locator(\(subject))"
        return switch step.verb {
        case .goto: "page.goto(\(subject))"
        case .fill: "\(element).fill(\(value))"
        case .click: "\(element).click()"
        case .check: "\(element).check()"
        case .uncheck: "\(element).uncheck()"
        case .hover: "\(element).hover()"
        case .select: "\(element).select_option(\(value))"
        case .press:
            step.place.map { "page.locator(\(PythonSource.literal($0))).press(\(subject))" }
                ?? "page.keyboard.press(\(subject))"
        case .type:
            step.place.map { "page.locator(\(PythonSource.literal($0))).press_sequentially(\(subject))" }
                ?? "page.keyboard.type(\(subject))"
        case .expectText: "expect(\(element)).\(step.exact ? "to_have_text" : "to_contain_text")(\(value))"
        case .expectValue: "expect(\(element)).to_have_value(\(value))"
        case .expectVisible: "expect(\(element)).to_be_visible()"
        case .expectHidden: "expect(\(element)).to_be_hidden()"
        case .expectCount: "expect(\(element)).to_have_count(\(step.count))"
        case .expectTitle: "expect(page).to_have_title(re.compile(re.escape(\(subject))))"
        case .expectURL: "expect(page).to_have_url(\(subject))"
        }
    }

    static func header(_ sentence: String) -> String {
        "\"\"\"\(sentence)\n\nWritten once by Baton's e2e agent; yours to change. conftest.py says how to run it.\n\"\"\"\n\n"
    }

    private static func pageName(_ path: String) -> String { path == "/" ? "the first page" : path }
}

extension PythonSource {
    /// A one-line documentation string.
    static func documentation(_ text: String) -> String {
        let literal = literal(text)
        return "\"\"" + literal + "\"\""
    }
}
