import AgentTestSupport
import Foundation
import FuzzKit
import JSONTools
import ProjectTools
import Testing

@testable import ScaffoldAgent

/// A template's description, fed with mutated inputs.
@Suite("template.yaml, fuzzed")
struct FuzzingTests {
    @Test("a stack whose paths stay where they belong, or an error in words")
    func template() async throws {
        try await Sandbox.with { sandbox in
            for (file, text) in TemplateSourceTests.files { try sandbox.write(text, to: "own/" + file) }
            let folder = sandbox.path + "/own"
            let target = FuzzTarget("project-template", .projectTemplate) { input in
                guard FileManager.default.createFile(atPath: folder + "/template.yaml", contents: Data(input)) else {
                    return .broken("it can't be written")
                }
                do throws(TemplateError) {
                    let catalog = try TemplateCatalog.load(stackIn: folder)
                    guard let stack = catalog.stacks.first, catalog.stacks.count == 1 else {
                        return .broken("no stack")
                    }
                    for path in stack.layers + stack.features.flatMap(\.layers)
                    where !ProjectManifest.isRelativePath(path) {
                        return .broken("'\(path)' leads out of the templates")
                    }
                    guard stack.features.contains(stack.fallback) else { return .broken("the fallback is no feature") }
                    for option in stack.options {
                        guard let schema = try? JSONSchema(option.schema),
                            schema.validate(option.defaultValue).isEmpty
                        else { return .broken("the default of \(option.name) doesn't do") }
                    }
                    for computed in stack.computed where computed("a Name").utf8.count > input.count + 10 {
                        return .broken("\(computed.name) has \(computed("a Name").utf8.count) bytes")
                    }
                    return .accepted
                } catch {
                    let size = error.message.utf8.count
                    guard size > 0, size <= 4096 else { return .broken("it is refused with \(size) bytes of words") }
                    return .refused(error.message.filter { !$0.isNumber }.prefix(60).description)
                }
            }
            let (report, failure) = try FuzzRun.feedWithinTests(target)
            #expect(failure == nil)
            #expect(report.accepted > 10 && report.refusals > 5, "\(report.accepted), \(report.refusals)")
        }
    }
}
