import AgentRuntime
import JSONTools
import ProjectTools
import Yams

extension Policy {
    /// Name of the file at the root of a project.
    static let fileName = "policy.yaml"
    private static let maxRules = 100
    private static let maxBytes = 256 << 10
    private static let maxPathBytes = 1000
    /// More faults than this aren't told.
    static let maxFaults = 100
    private static let maxFaultBytes = 1000

    /// Everything that is wrong with a policy file, each with its line.
    struct Faults: Error, Sendable, Hashable {
        var messages: [String]
    }

    /// The policy of a project; the standard one when it has none.
    ///
    /// - Throws: ``ActionFailure`` `INVALID_POLICY` naming everything that is wrong.
    static func load(from workspace: Workspace) throws -> Policy {
        let path = try workspace.resolve(fileName)
        guard let bytes = SmallFile.read(path, maxBytes: maxBytes) else {
            guard SmallFile.isThere(path) else { return standard }
            throw ActionFailure(
                code: "INVALID_POLICY",
                message: "\(fileName) can't be read: expected a file of at most \(maxBytes) bytes.")
        }
        do throws(Faults) {
            return try Policy(yaml: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw ActionFailure(
                code: "INVALID_POLICY",
                message: error.messages.joined(separator: "; "),
                detail: ["faults": .array(error.messages.map { .string($0) })]
            )
        }
    }

    /// Reads `rules: [{metric, operator, threshold, level?, if_measured?, path?}]`.
    ///
    /// - Throws: all faults at once.
    init(yaml: String) throws(Faults) {
        if let alias = YAMLAlias.first(in: yaml) {
            throw Faults(messages: [
                "\(Self.fileName):\(alias.line): found the alias *\(alias.name.cut(toBytes: 100)); aliases are not "
                    + "supported, repeat the value"
            ])
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw Faults(messages: ["\(Self.fileName): \(error)".cut(toBytes: Self.maxFaultBytes)])
        }
        var faults: [String] = []
        func fault(_ node: Node?, _ message: String) {
            guard faults.count < Self.maxFaults else { return }
            let line = node?.mark.map { ":\($0.line)" } ?? ""
            faults.append("\(Self.fileName)\(line): \(message)".cut(toBytes: Self.maxFaultBytes))
        }

        rules = []
        file = Self.fileName
        if let mapping = root?.mapping, let list = mapping["rules"]?.sequence {
            for (key, _) in mapping where key.string != "rules" {
                fault(key, "\(key.string ?? "this") is not known here; a policy has \"rules\"")
            }
            if list.count > Self.maxRules { fault(root, "more than \(Self.maxRules) rules") }
            for node in list.prefix(Self.maxRules) {
                if let rule = Self.rule(node, fault) { rules.append(rule) }
            }
            if list.isEmpty { fault(root, "there is no rule in it; delete the file to get the standard policy") }
        } else {
            fault(root, "expected an object with a list \"rules\"")
        }
        guard faults.isEmpty else { throw Faults(messages: faults) }
    }

    private static func rule(_ node: Node, _ fault: (Node?, String) -> Void) -> Rule? {
        guard let mapping = node.mapping else {
            fault(
                node,
                "expected an object such as {metric: tests_failed, operator: \"==\", threshold: 0, level: blocking}")
            return nil
        }
        let known = ["metric", "operator", "threshold", "level", "if_measured", "path"]
        for (key, _) in mapping where !known.contains(key.string ?? "") {
            let name = key.string ?? "this"
            let hint = closestMatch(name, in: known).map { ", did you mean \($0)?" } ?? ""
            fault(key, "\(name) is not known here\(hint)")
        }
        let metric: Metric? = choice(mapping["metric"], "metric", in: node, fault)
        let comparison: Comparison? = choice(mapping["operator"], "operator", in: node, fault)
        let level: Level? = mapping["level"] == nil ? .blocking : choice(mapping["level"], "level", in: node, fault)
        guard let threshold = mapping["threshold"]?.float, threshold.isFinite else {
            fault(mapping["threshold"] ?? node, "threshold: expected a number")
            return nil
        }
        if let flag = mapping["if_measured"], flag.bool == nil { fault(flag, "if_measured: expected true or false") }
        let path = mapping["path"]?.string
        if let node = mapping["path"], !(1...maxPathBytes).contains(path?.utf8.count ?? 0) {
            fault(node, "path: expected a pattern of paths of at most \(maxPathBytes) bytes, such as src/*")
        }
        guard let metric, let comparison, let level else { return nil }
        return Rule(
            metric: metric, comparison: comparison, threshold: threshold, level: level,
            onlyIfMeasured: mapping["if_measured"]?.bool ?? false, path: path.map(PathPattern.init))
    }

    private static func choice<Value: RawRepresentable & CaseIterable>(
        _ node: Node?, _ key: String, in rule: Node, _ fault: (Node?, String) -> Void
    ) -> Value? where Value.RawValue == String {
        let text = node?.string ?? ""
        if let value = Value(rawValue: text) { return value }
        let known = Value.allCases.map(\.rawValue)
        let hint = closestMatch(text, in: known).map { " (did you mean \($0)?)" } ?? ""
        fault(
            node ?? rule,
            "\(key): expected one of \(known.joined(separator: ", ")), found \(text.debugDescription)\(hint)")
        return nil
    }
}
