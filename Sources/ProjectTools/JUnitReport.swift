import Foundation
import FoundationXML

/// The JUnit XML that pytest, `node --test` and most other runners write.
public enum JUnitReport {
    /// Largest report that is read, in bytes.
    public static let maxBytes = 16 << 20

    /// Why a report can't be read.
    public struct ParsingError: Error, Sendable, CustomStringConvertible {
        /// What is wrong, with the line where it is.
        public var description: String
    }

    /// The test cases of a report, in its order; the totals in its attributes are not believed.
    ///
    /// - Parameter xml: The report.
    /// - Throws: ``ParsingError`` when it isn't well-formed XML, or has no `testsuite` in it.
    public static func parse(_ xml: [UInt8]) throws(ParsingError) -> [TestCase] {
        guard xml.count <= maxBytes else {
            throw ParsingError(description: "the report has \(xml.count) bytes; at most \(maxBytes) are read")
        }
        let harmless: [UInt8]
        do throws(XMLText.Refusal) {
            harmless = try XMLText.harmless(xml)
        } catch {
            throw ParsingError(description: error.description)
        }
        let parser = XMLParser(data: Data(harmless))
        let reader = Reader()
        parser.delegate = reader
        parser.shouldResolveExternalEntities = false
        guard parser.parse() else {
            let reason = parser.parserError.map { String(describing: $0) } ?? "unknown"
            throw ParsingError(description: "not well-formed in line \(parser.lineNumber): \(reason)")
        }
        // A report that was cut off is no report, even where the parser puts up with it.
        guard reader.depth == 0 else { throw ParsingError(description: "it ends before its elements do") }
        guard reader.sawSuite else { throw ParsingError(description: "there is no testsuite in it") }
        return reader.cases
    }

    private final class Reader: NSObject, XMLParserDelegate {
        var cases: [TestCase] = []
        var sawSuite = false
        var depth = 0
        private var current = TestCase(name: "", outcome: .passed, seconds: 0)
        private var reason: String?
        private var text = ""
        private var readsText = false

        func parser(
            _ parser: XMLParser,
            didStartElement element: String,
            namespaceURI: String?,
            qualifiedName: String?,
            attributes: [String: String]
        ) {
            depth += 1
            switch element {
            case "testsuite", "testsuites":
                sawSuite = true
            case "testcase":
                // "test" is what node:test gives every test for a class.
                let owner = attributes["classname"].flatMap { $0.isEmpty || $0 == "test" ? nil : $0 + "." } ?? ""
                let seconds = attributes["time"].flatMap(Double.init) ?? 0
                current = TestCase(name: owner + (attributes["name"] ?? "unnamed"), outcome: .passed, seconds: seconds)
            case "failure", "error":
                reason = attributes["message"] ?? ""
                text = ""
                readsText = reason == ""
            case "skipped":
                current.outcome = .skipped
            default:
                break
            }
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            if readsText, text.utf8.count < 4000 { text += string }
        }

        func parser(
            _ parser: XMLParser,
            didEndElement element: String,
            namespaceURI: String?,
            qualifiedName: String?
        ) {
            depth -= 1
            switch element {
            case "failure", "error":
                let reason = readsText ? text.trimmingCharacters(in: .whitespacesAndNewlines) : reason ?? ""
                current.outcome = .failed(reason)
                readsText = false
            case "testcase":
                cases.append(current)
            default:
                break
            }
        }
    }
}
