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

    /// What ended the process: FoundationXML is told of it without a text.
    static let deadly = [
        "<?x?>", "<?é?>", "<?xml?>", "<?x?><?y?>", "<!DOCTYPE x [<?x?>]>", "<!DOCTYPE x [<!NOTATION n SYSTEM \"x\">]>",
        "<!DOCTYPE x [<!NOTATION n PUBLIC \"x\">]>", "<!DOCTYPE x [<!ATTLIST x y CDATA #IMPLIED>]>",
        "<!DOCTYPE x [<!ENTITY e \"&#60;?x?>\">]>", "<?xml version=\"1.0\" encoding='UTF-7'?>",
    ]

    @Test(
        "instructions without data, notations, attributes, entities and encodings don't end the process",
        arguments: HostileReportTests.deadly)
    func ended(start: String) throws {
        let body = "<testsuite><testcase name=\"n\"/>&e;+ADw-?x?+AD4-</testsuite>"
        let report = Array((start + body).utf8)
        let isReport = start.hasPrefix("<?x?>") || start.hasPrefix("<?é")
        if !isReport { #expect(throws: JUnitReport.ParsingError.self, "\(start)") { try JUnitReport.parse(report) } }
        let plain = Array((start + "<testsuite><testcase name=\"n\"/></testsuite>").utf8)
        if isReport { #expect(try JUnitReport.parse(plain).map(\.name) == ["n"], "\(start)") }
        // As the parser would find by itself.
        let utf16 = (start + body).utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        #expect(throws: JUnitReport.ParsingError.self) { try JUnitReport.parse(utf16) }
        #expect(throws: XMLText.Refusal.self) { try XMLText.harmless([0xFF, 0xFE] + utf16) }
    }

    @Test("what reports do have stays: encodings, document types, instructions with data, text that looks like more")
    func harmless() throws {
        for text in [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><testsuite/>", "<?xml version='1.0' encoding='latin1'?><a/>",
            "<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\"><coverage/>",
            "<a><![CDATA[<?php echo 1 ?> <!ENTITY x>]]></a>", "<?xml-stylesheet href=\"a\"?><a/>", "<a>?></a>", "<a/>",
            "", "<?", "<?x",
            "<?x?",
        ] {
            #expect(try XMLText.harmless(Array(text.utf8)) == Array(text.utf8), "\(text)")
        }
        #expect(
            try XMLText.harmless(Array("<?a?><x><?b?>é<?c d?></x>".utf8)) == Array("<?a ?><x><?b ?>é<?c d?></x>".utf8))
    }
}
