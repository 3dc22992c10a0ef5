import FuzzKit
import JSONTools
import ProjectTools
import Testing

@testable import ValidationAgent

/// Readers of what lies in somebody's project, fed with mutated inputs: nothing but words may come of what is wrong.
@Suite("validation's readers, fuzzed")
struct FuzzingTests {
    private static let maxMessageBytes = 4096
    private static let project = "/p"

    /// Feeds a target; it has to accept some inputs and to refuse others, or it tests nothing.
    private static func feed(_ target: FuzzTarget) throws {
        let (report, failure) = try FuzzRun.feedWithinTests(target)
        #expect(failure == nil)
        #expect(
            report.accepted > 10 && report.refusals > 0, "\(report.accepted) accepted, \(report.refusals) refusals")
    }

    private static func refused(_ message: String) -> FuzzTarget.Verdict {
        let size = message.utf8.count
        guard size > 0, size <= maxMessageBytes else { return .broken("it is refused with \(size) bytes of words") }
        return .refused(message.filter { !$0.isNumber }.prefix(60).description)
    }

    @Test("policy.yaml: rules that can be judged, or faults in words")
    func policy() throws {
        try Self.feed(
            FuzzTarget("policy", .policy) { input in
                let policy: Policy
                do throws(Policy.Faults) {
                    policy = try Policy(yaml: String(decoding: input, as: UTF8.self))
                } catch {
                    guard (1...Policy.maxFaults).contains(error.messages.count) else {
                        return .broken("it is refused with \(error.messages.count) faults")
                    }
                    for message in error.messages {
                        if case .broken(let promise) = Self.refused(message) { return .broken(promise) }
                    }
                    return Self.refused(error.messages[0])
                }
                guard (1...100).contains(policy.rules.count) else { return .broken("\(policy.rules.count) rules") }
                for rule in policy.rules {
                    guard rule.threshold.isFinite else { return .broken("the threshold is \(rule.threshold)") }
                    _ = rule.path?.matches("src/a/b/" + String(repeating: "ab", count: 500))
                    let verdict = RuleVerdict(rule: rule, value: 1, outcome: .violated)
                    guard verdict.sentence.utf8.count <= Self.maxMessageBytes else { return .broken("a long sentence") }
                    guard (try? JSONValue(parsing: verdict.json.encoded())) != nil else { return .broken("no JSON") }
                }
                return .accepted
            })
    }

    /// What is promised of any report of coverage.
    private static func verdict(_ report: CoverageReport) -> FuzzTarget.Verdict {
        for file in report.files {
            if file.path.hasPrefix("/") || file.path.split(separator: "/").contains("..") {
                return .broken("'\(file.path)' leads out of the project")
            }
            let counts = [Array(file.lines.values), Array(file.branches.values), Array(file.functions.values)].joined()
            if let count = counts.first(where: { $0 < 0 }) { return .broken("a count is \(count)") }
            if CoverageReport.ranges(file.uncovered + file.partlyCovered).utf8.count > 1000 {
                return .broken("a long list of lines")
            }
        }
        guard Set(report.files.map(\.path)).count == report.files.count else { return .broken("a file stands twice") }
        for percent in [report.lineCoverage, report.branchCoverage, report.functionCoverage] {
            if let percent, !(0...100).contains(percent) { return .broken("\(percent) %") }
        }
        return .accepted
    }

    @Test("LCOV: counts and percentages within their bounds, paths within the project")
    func lcov() throws {
        try Self.feed(
            FuzzTarget("lcov", .lcov) { input in
                do throws(CoverageReport.ParsingError) {
                    return Self.verdict(
                        try CoverageReport(lcov: String(decoding: input, as: UTF8.self), project: Self.project))
                } catch {
                    return Self.refused("\(error)")
                }
            })
    }

    @Test("Cobertura's XML: the same")
    func cobertura() throws {
        try Self.feed(
            FuzzTarget("cobertura", .xml) { input in
                do throws(CoverageReport.ParsingError) {
                    return Self.verdict(try CoverageReport(cobertura: input, project: Self.project))
                } catch {
                    return Self.refused("\(error)")
                }
            })
    }

    @Test("SARIF: findings of bounded number and size")
    func sarif() throws {
        try Self.feed(
            FuzzTarget("sarif", .sarif) { input in
                let findings: [Finding]
                do throws(SARIFReport.ParsingError) {
                    findings = try SARIFReport.findings(in: input, project: Self.project)
                } catch {
                    return Self.refused(error.description)
                }
                guard findings.count <= SARIFReport.maxFindings else { return .broken("\(findings.count) findings") }
                for finding in findings where finding.json.encoded().count > 2 * Self.maxMessageBytes {
                    return .broken("a finding has \(finding.json.encoded().count) bytes")
                }
                return .accepted
            })
    }

    @Test("TAP: tests with names, none without a verdict")
    func tap() throws {
        try Self.feed(
            FuzzTarget("tap", .tap) { input in
                do throws(TAPReport.ParsingError) {
                    let tests = try TAPReport.tests(in: String(decoding: input, as: UTF8.self), project: Self.project)
                    guard tests.allSatisfy({ !$0.name.isEmpty }) else { return .broken("a test has no name") }
                    let size = tests.reduce(0) { $0 + $1.name.utf8.count }
                    return size <= 4 * input.count + 64 * tests.count ? .accepted : .broken("names of \(size) bytes")
                } catch {
                    return Self.refused(error.description)
                }
            })
    }
}
