/// What waits for the Advancer, as a value: first in, first out, in batches bounded in number and weight.
struct SubmissionQueue: Sendable {
    /// Most submissions that a batch takes.
    static let batchLimit = 300
    /// Most bytes that a batch takes, by estimate.
    static let batchWeightLimit = 4 * 1024 * 1024

    private var waiting: [Submission] = []
    private var head = 0
    private(set) var weight = 0

    var count: Int { waiting.count - head }

    var isEmpty: Bool { count == 0 }

    /// Appends without looking at the limits: who calls has looked, or brings back what was inside before.
    mutating func append(_ submission: Submission) {
        waiting.append(submission)
        weight += submission.weight
    }

    /// Takes the next batch: at least one if any waits, within the limits of a batch.
    mutating func takeBatch() -> [Submission] {
        var batch: [Submission] = []
        var batchWeight = 0
        while head < waiting.count, batch.count < Self.batchLimit {
            let next = waiting[head]
            if !batch.isEmpty && batchWeight + next.weight > Self.batchWeightLimit { break }
            batch.append(next)
            batchWeight += next.weight
            head += 1
        }
        weight -= batchWeight
        if head == waiting.count {
            waiting.removeAll(keepingCapacity: head < 1024)
            head = 0
        } else if head > 256 {
            waiting.removeFirst(head)
            head = 0
        }
        return batch
    }

    /// Takes out what callers wait for.
    ///
    /// - Returns: who waited.
    mutating func removeCallers() -> [ReplyToken] {
        var callers: [ReplyToken] = []
        var others: [Submission] = []
        for submission in waiting[head...] {
            if case .caller(let token) = submission.origin {
                callers.append(token)
                weight -= submission.weight
            } else {
                others.append(submission)
            }
        }
        waiting = others
        head = 0
        return callers
    }
}
