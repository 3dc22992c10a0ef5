import JSONTools
import WorkflowCore

/// The rules between the stages of a definition.
struct DefinitionRules {
    private(set) var faults = FaultList()

    private let stages: [StageDraft]
    /// Positions of the named stages; of a name that occurs twice, the first.
    private let indexes: [String: Int]
    /// The members that the input can have, if its schema allows no others.
    private let inputFields: [String]?
    /// By stage, all stages before it in the graph; filled in by `check`.
    private var ancestors: [Set<Int>] = []

    /// - Parameters:
    ///   - input: the schema of the input, if there is one.
    init(stages: [StageDraft], input: JSONValue?) {
        self.stages = stages
        let isClosed = input?["additionalProperties"] == false
        inputFields = isClosed ? input?["properties"]?.objectValue?.keys ?? [] : nil
        var indexes: [String: Int] = [:]
        for (index, stage) in stages.enumerated() where stage.isNamed && indexes[stage.definition.name] == nil {
            indexes[stage.definition.name] = index
        }
        self.indexes = indexes
    }

    mutating func check() {
        checkDuplicates()
        checkNeeds()
        ancestors = stages.indices.map(reachable)
        let hasCycles = checkCycles()
        if !hasCycles { checkWriters() }
        checkReads(hasCycles: hasCycles)
        checkInputs()
    }

    // MARK: Names

    private mutating func checkDuplicates() {
        for (index, stage) in stages.enumerated() where stage.isNamed {
            let name = stage.definition.name
            guard let first = indexes[name], first != index else { continue }
            let line = stages[first].namePosition.line
            let place = line > 0 ? " (the first is in line \(line))" : ""
            faults.add(
                stage.namePosition, stage.pointer.appending("name"),
                "found a second stage '\(name)'; expected each name once\(place)")
        }
    }

    private mutating func checkNeeds() {
        for (index, stage) in stages.enumerated() {
            for need in stage.needs {
                if need.name == stage.definition.name, stage.isNamed {
                    faults.add(need.position, need.pointer, "found stage '\(need.name)' needing itself")
                } else if indexes[need.name] == nil {
                    faults.add(
                        need.position, need.pointer,
                        "found the need '\(need.name)', but there is no such stage"
                            + suggestion(for: need.name, among: names(except: index)))
                }
            }
        }
    }

    private func names(except index: Int) -> [String] {
        stages.enumerated().filter { $0.offset != index && $0.element.isNamed }.map(\.element.definition.name)
    }

    // MARK: The graph

    /// The stages in an order in which they may run: each after all that it needs, otherwise as in the file.
    ///
    /// - Precondition: no fault was found.
    func ordered() -> [StageDraft] {
        var placed: Set<String> = []
        var open = stages
        var ordered: [StageDraft] = []
        while let next = open.firstIndex(where: { $0.definition.needs.allSatisfy(placed.contains) }) {
            let stage = open.remove(at: next)
            placed.insert(stage.definition.name)
            ordered.append(stage)
        }
        return ordered
    }

    /// Positions of the stages that a stage needs directly, itself not included.
    private func needs(of index: Int) -> [Int] {
        stages[index].definition.needs.compactMap { indexes[$0] }.filter { $0 != index }
    }

    private func reachable(from start: Int) -> Set<Int> {
        var seen: Set<Int> = []
        var open = needs(of: start)
        while let index = open.popLast() {
            if seen.insert(index).inserted { open += needs(of: index) }
        }
        return seen
    }

    /// Reports each group of stages that need each other, once.
    private mutating func checkCycles() -> Bool {
        var reported: Set<Int> = []
        for index in stages.indices where ancestors[index].contains(index) && !reported.contains(index) {
            let group = ancestors[index].filter { ancestors[$0].contains(index) }
            reported.formUnion(group)
            let path = (cycle(through: index, in: group) + [index]).map { "'\(stages[$0].definition.name)'" }
            faults.add(
                stages[index].needsPosition, stages[index].pointer.appending("needs"),
                "found a cycle: \(path.joined(separator: " needs ")); expected a stage that needs none of the others")
        }
        return !reported.isEmpty
    }

    /// A shortest way from a stage back to itself along needs, the stage first.
    private func cycle(through start: Int, in group: Set<Int>) -> [Int] {
        var paths = [[start]]
        var seen: Set<Int> = []
        while !paths.isEmpty {
            var longer: [[Int]] = []
            for path in paths {
                for next in needs(of: path[path.count - 1]) where group.contains(next) {
                    if next == start { return path }
                    if seen.insert(next).inserted { longer.append(path + [next]) }
                }
            }
            paths = longer
        }
        return [start]
    }

    /// Stages that run in parallel must not both write.
    private mutating func checkWriters() {
        for (index, stage) in stages.enumerated() where stage.isNamed && isPlaced(index) {
            guard let rival = unorderedWriter(for: index) else { continue }
            faults.add(
                stage.needsPosition, stage.pointer.appending("needs"),
                "found \(named(rival)) and \(named(index)) both writing and neither needing the other; expected an order, "
                    + "because a stage starts from exactly one commit: let one need the other, or let only one write")
        }
    }

    private func unorderedWriter(for index: Int) -> Int? {
        guard stages[index].definition.workspace == .write else { return nil }
        return stages.indices.first {
            $0 < index && stages[$0].isNamed && isPlaced($0) && stages[$0].definition.workspace == .write
                && !ancestors[index].contains($0) && !ancestors[$0].contains(index)
        }
    }

    /// Whether all that a stage comes after is known: neither it nor a stage before it has a need that could not be read.
    private func isPlaced(_ index: Int) -> Bool {
        !ancestors[index].union([index]).contains { stage in
            let definition = stages[stage].definition
            let followsNameless = stage > 0 && !stages[stage - 1].isNamed && !stages[stage].hasNeeds
            return followsNameless || definition.needs.contains { indexes[$0] == nil || $0 == definition.name }
        }
    }

    /// A stage with the line that it begins in, if that is known.
    private func named(_ index: Int) -> String {
        let line = stages[index].position.line
        return "'\(stages[index].definition.name)'" + (line > 0 ? " (line \(line))" : "")
    }

    // MARK: Expressions

    /// Expressions may read only what is certain to have ended: stages that this one needs.
    private mutating func checkReads(hasCycles: Bool) {
        for (index, stage) in stages.enumerated() {
            for reading in stage.reads {
                for name in reading.reads.stages.sorted() {
                    guard let message = fault(reading: name, in: index, hasCycles: hasCycles) else { continue }
                    faults.add(reading.position, reading.pointer, message)
                }
            }
        }
    }

    /// Why a stage may not read another, or nil if it may.
    private func fault(reading name: String, in index: Int, hasCycles: Bool) -> String? {
        let stage = stages[index].definition
        if stages[index].isNamed, name == stage.name {
            return "found 'stages.\(name)' in stage '\(name)' itself; expected a stage before it"
        }
        guard let target = indexes[name] else {
            return "found 'stages.\(name)', but there is no such stage"
                + suggestion(for: name, among: names(except: index))
        }
        let isUnknown = hasCycles || stage.needs.contains { indexes[$0] == nil }
        guard !isUnknown, !ancestors[index].contains(target) else { return nil }
        return
            "found 'stages.\(name)', but '\(stage.name)' does not need '\(name)'; expected it among the needs, directly "
            + "or through other stages"
    }

    /// A member of the input that the schema excludes would be null for ever.
    private mutating func checkInputs() {
        guard let inputFields else { return }
        for stage in stages {
            for reading in stage.reads {
                for field in reading.reads.inputFields.sorted() where !inputFields.contains(field) {
                    faults.add(
                        reading.position, reading.pointer,
                        "found 'input.\(field)', but the schema under 'input' allows no such field"
                            + suggestion(for: field, among: inputFields))
                }
            }
        }
    }
}
