import Glibc

/// Clears up after an agent that was killed: the process groups of its tools, the directories of its attempts.
enum OrphanSweep {
    /// Kills the process groups of tools whose agent no longer runs.
    ///
    /// A process is such a tool when it was started with `BATON_OWNER` and the owner is gone. What was meant to
    /// outlive its agent (a deployed app) was started without the mark.
    ///
    /// - Returns: The groups that were killed.
    static func killGroupsOfDeadOwners() -> [Int32] {
        let own = getpid()
        let ownGroup = getpgrp()
        var groups: Set<Int32> = []
        let ownNamespace = ProcessTable.namespace(of: "self")
        for processID in ProcessTable.all() where processID != own {
            // A process id means something else in another container.
            guard ProcessTable.namespace(of: "\(processID)") == ownNamespace,
                let text = ProcessTable.variable(ProcessMark.variable, of: processID),
                let owner = ProcessMark(text), !owner.isAlive,
                let group = ProcessTable.group(of: processID), group > 1, group != ownGroup
            else { continue }
            groups.insert(group)
        }
        for group in groups { kill(-group, SIGKILL) }
        return groups.sorted()
    }

    /// Deletes the working directories of agents that no longer run.
    ///
    /// Each agent keeps its attempts in `<work>/<agent id>`; see ``DirectoryOwner``.
    static func removeDirectoriesOfDeadOwners(in work: String) -> [String] {
        var removed: [String] = []
        for name in FileSystem.names(in: work) {
            let path = work + "/" + name
            if !DirectoryOwner.isOwned(path), FileSystem.removeTree(path) { removed.append(name) }
        }
        return removed
    }
}
