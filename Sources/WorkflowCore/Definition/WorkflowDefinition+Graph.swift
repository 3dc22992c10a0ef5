extension WorkflowDefinition {
    /// All stages that a stage needs, directly or through others; itself not included.
    ///
    /// - Parameter stage: the name of a stage. A name that is not in the definition has no ancestors.
    public func ancestors(of stage: String) -> Set<String> {
        reach(from: stage) { self.stage(named: $0)?.needs ?? [] }
    }

    /// All stages that need a stage, directly or through others; itself not included.
    ///
    /// - Parameter stage: the name of a stage.
    public func dependents(of stage: String) -> Set<String> {
        reach(from: stage) { name in stages.filter { $0.needs.contains(name) }.map(\.name) }
    }

    /// The last of a stage's writing ancestors in the order of the stages.
    func nearestWriter(before stage: String) -> String? {
        let writers = ancestors(of: stage).filter { self.stage(named: $0)?.workspace == .write }
        return writers.max { (index(of: $0) ?? 0) < (index(of: $1) ?? 0) }
    }

    private func reach(from start: String, _ next: (String) -> [String]) -> Set<String> {
        var seen: Set<String> = []
        var open = next(start)
        while let name = open.popLast() {
            if seen.insert(name).inserted { open.append(contentsOf: next(name)) }
        }
        seen.remove(start)
        return seen
    }
}
