import JSONTools

/// One step of a browser scenario: an object with exactly one verb, as in `{"fill": "#name", "value": "Ada"}`.
struct E2EStep: Sendable, Hashable {
    /// What a step does. The raw value is the member's name in the manifest.
    enum Verb: String, Sendable, Hashable, CaseIterable {
        case goto, fill, click, check, uncheck, hover, press, type, select
        case expectText = "expect_text"
        case expectValue = "expect_value"
        case expectVisible = "expect_visible"
        case expectHidden = "expect_hidden"
        case expectCount = "expect_count"
        case expectTitle = "expect_title"
        case expectURL = "expect_url"
    }

    /// The members beside the verb that a step may or must have.
    enum Companion: Sendable, Hashable {
        /// None.
        case none
        /// `value`, a text.
        case text
        /// `value`, a text, and `exact`, a truth value.
        case textMaybeExact
        /// `value`, a number of elements.
        case count
        /// `on`, a selector; may be absent.
        case place
    }

    var verb: Verb
    /// The verb's own value: a selector, a path, a key, a text.
    var subject: String
    /// `value` as text.
    var value: String = ""
    /// `value` as a number, of `expect_count`.
    var count: Int = 0
    /// Whether `expect_text` wants the whole text.
    var exact: Bool = false
    /// `on`, the element that `press` and `type` go to.
    var place: String?
}

extension E2EStep.Verb {
    var companion: E2EStep.Companion {
        switch self {
        case .goto, .click, .check, .uncheck, .hover, .expectVisible, .expectHidden, .expectTitle, .expectURL: .none
        case .fill, .select, .expectValue: .text
        case .expectText: .textMaybeExact
        case .expectCount: .count
        case .press, .type: .place
        }
    }

    /// Whether the verb's value is a path of the app.
    var takesPath: Bool {
        switch self {
        case .goto, .expectURL: true
        case .fill, .click, .check, .uncheck, .hover, .press, .type, .select, .expectText, .expectValue, .expectVisible,
            .expectHidden, .expectCount, .expectTitle:
            false
        }
    }
}
