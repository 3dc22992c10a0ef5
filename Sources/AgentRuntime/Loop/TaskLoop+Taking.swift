import AgentProtocol
import TaskTransport

extension TaskLoop {
    /// Begins what was taken, answers what needs no running, and parts with what can't be kept.
    mutating func take(_ tasks: [DecodedTask], _ now: LoopMoment, _ effects: inout [Effect]) {
        var back: [ClaimedTask] = []
        var gone: [ClaimedTask] = []
        var answered: [ReportOrder] = []
        for task in tasks {
            let reference = task.envelope.reference
            if let entry = running[reference]?.task.entry {
                // Read again after a lost connection; a second entry of the same send is one too many.
                if !entry.isSameEntry(as: task.entry) { gone.append(task.entry) }
            } else if let result = held[reference] {
                // Its entry is still there, so the report was lost on the way.
                if result.state != .reporting {
                    held[reference]?.state = .unsent(since: now.elapsed - limits.retry)
                    held[reference]?.order.entry = task.entry.withoutBytes
                    continue
                }
                if result.order.entry?.isSameEntry(as: task.entry) != true { gone.append(task.entry) }
            } else if cancelled.contains(reference) || done.contains(reference) {
                gone.append(task.entry)
            } else if phase != .working || isPaused {
                back.append(task.entry)
            } else if let answer = task.answer {
                let order = ReportOrder(reference: reference, bytes: answer, entry: task.entry.withoutBytes)
                keep(order)
                answered.append(order)
            } else if running.count >= limits.slots {
                back.append(task.entry)
            } else {
                start(task, now, &effects)
            }
        }
        if !answered.isEmpty { effects.append(.report(answered)) }
        if !gone.isEmpty { effects.append(.discard(gone)) }
        if !back.isEmpty { effects.append(.handBack(back)) }
    }

    /// Asks for more at a time while whole claims are answered without a slot, and for no more than there are slots as soon
    /// as one is not: what is beyond them has to be handed back.
    mutating func adaptSurplus(to tasks: [DecodedTask]) {
        if tasks.contains(where: { $0.answer == nil }) {
            surplus = 0
        } else if !tasks.isEmpty, tasks.count >= asked {
            surplus = min(limits.surplus, max(2 * surplus, limits.slots))
        }
    }
}
