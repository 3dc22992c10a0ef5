import Testing

@testable import ProjectTools

/// Test reports that no runner writes.
@Suite("hostile test reports")
struct HostileReportTests {
    @Test("bytes that are no UTF-8 are refused before the XML parser sees them: in a name they would end the process")
    func noUTF8() {
        let name = Array("<testsuite".utf8) + [0xC2] + Array("><testcase name=\"n\"/></testsuite>".utf8)
        let text = Array("<testsuite><testcase name=\"".utf8) + [0xED, 0xA0, 0x80] + Array("\"/></testsuite>".utf8)
        for report in [name, text] {
            #expect(throws: JUnitReport.ParsingError.self) { try JUnitReport.parse(report) }
        }
    }
}
