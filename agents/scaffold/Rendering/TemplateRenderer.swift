import JSONTools
import Mustache

/// Renders Mustache templates as plain text, with `<% … %>` as delimiters so that code may have braces.
///
/// Nothing is escaped unless a template asks: `<% html(title) %>`. That isn't left to good will: a value from outside
/// without an ``Escape`` is an error.
struct TemplateRenderer {
    /// Put before every template: it is parsed with the standard delimiters up to here.
    private static let prelude = "{{% CONTENT_TYPE:TEXT}}\n{{=<% %>=}}\n"
    private static let preludeLines = 2

    private var library = MustacheLibrary()
    let trusted: JSONObject
    let outside: [String: String]

    /// - Parameters:
    ///   - partials: templates that others include, by name.
    ///   - trusted: values that come with the template or were made by us.
    ///   - outside: texts that anybody may have written.
    init(partials: [String: String], trusted: JSONObject, outside: [String: String]) throws(TemplateError) {
        self.trusted = trusted
        self.outside = outside
        for (name, text) in partials { library.register(try Self.parse(text, file: name), named: name) }
    }

    /// The text that a template gives.
    ///
    /// - Parameters:
    ///   - template: the template's text.
    ///   - file: its name, for messages.
    /// - Throws: ``TemplateError``.
    func render(_ template: String, file: String) throws(TemplateError) -> String {
        let faults = RenderingFaults()
        let scope = TemplateScope(trusted: trusted, outside: outside, faults: faults)
        let text = try Self.parse(template, file: file).render(scope, library: library)
        if !faults.messages.isEmpty {
            throw TemplateError(file: file, message: faults.messages.joined(separator: "; "))
        }
        return text
    }

    private static func parse(_ text: String, file: String) throws(TemplateError) -> MustacheTemplate {
        do {
            return try MustacheTemplate(string: prelude + text)
        } catch let error as MustacheTemplate.ParserError {
            let line = error.context.lineNumber - preludeLines
            throw TemplateError(file: file, message: "line \(line): \(error.error)")
        } catch {
            throw TemplateError(file: file, message: "\(error)")
        }
    }
}
