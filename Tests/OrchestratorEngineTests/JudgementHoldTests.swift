import OrchestratorEngine
import TaskTransport
import Testing
import WorkflowCore
import WorkflowStorage

@Suite("What must not be judged while something lies unread or unrecorded")
struct JudgementHoldTests {
    /// Runs for some looks while what is unfinished grows older.
    private func age(_ bench: inout WatchBench, for milliseconds: Int64) {
        let end = bench.monotonic + milliseconds
        while bench.monotonic < end {
            let before = bench.monotonic
            bench.run(for: 1)
            let passed = Int(bench.monotonic - before)
            bench.unfinished?.resultMilliseconds? += passed
            bench.unfinished?.signalMilliseconds? += passed
        }
    }

    @Test("a deadline isn't judged while a result that may have come in time is not recorded; clocks are looked at")
    func resultInTheHandsOfAnother() {
        var bench = WatchBench()
        bench.run(for: 20_000)
        bench.findings.due = [workflow]
        bench.unfinished = UnfinishedMessages(resultMilliseconds: 300)
        age(&bench, for: 12_000)
        #expect(bench.judgements.count >= 6)
        #expect(bench.judgements.allSatisfy { !$0 })
        #expect(bench.reports.filter { $0 == .heldOff(findings: 1) }.count == 1, "said once")
        bench.unfinished = UnfinishedMessages()
        bench.run(for: 2000)
        #expect(bench.judgements.last == true)
    }

    @Test("results that came after the deadline had been found hold nothing up, so that load doesn't")
    func resultsUnderLoad() {
        var bench = WatchBench()
        bench.run(for: 20_000)
        bench.findings.due = [workflow]
        bench.unfinished = UnfinishedMessages(resultMilliseconds: 1500)
        bench.run(for: 1)
        #expect(bench.judgements == [false])
        bench.run(for: 2000)
        #expect(bench.judgements == [false, true])
    }

    @Test("an agent is not lost while what it said last may lie with another orchestrator, whose signals are claimed")
    func goodbyeInTheHandsOfAnother() {
        var bench = WatchBench()
        bench.run(for: 20_000)
        bench.findings.expired = [(workflowID: workflow, reference: reference(1), agentID: "scaffold-1")]
        bench.unfinished = UnfinishedMessages(signalMilliseconds: 7000)
        let looks = bench.looks.count
        bench.run(for: 1)
        bench.run(for: 1)
        #expect(bench.looks.count == looks + 2)
        #expect(bench.monotonic - (bench.looks.last ?? 0) >= 2000, "only once")
        #expect(bench.looks[looks + 1] - bench.looks[looks] == 500, "they may be there now")
        age(&bench, for: 12_000)
        #expect(bench.events.isEmpty)
        #expect(Set(bench.signalClaims) == [12_000])
        bench.unfinished = UnfinishedMessages(signalMilliseconds: 4000)
        let claims = bench.signalClaims.count
        bench.run(for: 2000)
        #expect(bench.events == [.leaseExpired], "heartbeats that gather are no reason to wait")
        #expect(bench.signalClaims.count == claims)
    }

    @Test("an agent is not lost while a result that may be its own is not recorded, nor where Redis does not answer")
    func lastResult() {
        var bench = WatchBench()
        bench.run(for: 20_000)
        bench.findings.expired = [(workflowID: workflow, reference: reference(1), agentID: "scaffold-1")]
        bench.findings.due = [workflow]
        bench.unfinished = UnfinishedMessages(resultMilliseconds: 300)
        age(&bench, for: 6000)
        #expect(!bench.events.contains(.leaseExpired))
        #expect(bench.signalClaims.isEmpty, "signals would not help")
        bench.unfinished = nil
        bench.run(for: 6000)
        #expect(!bench.events.contains(.leaseExpired))
        #expect(bench.judgements.allSatisfy { !$0 })
        bench.unfinished = UnfinishedMessages()
        bench.run(for: 2000)
        #expect(bench.events.contains(.leaseExpired))
        #expect(bench.judgements.last == true)
    }

    @Test("what is unfinished is asked only when something is to be judged")
    func noQuestionWithoutNeed() {
        var bench = WatchBench()
        bench.findings.due = [workflow]
        bench.run(for: 10_000)
        #expect(bench.questionsOfRedis == 0, "nothing is judged before a lease has passed")
        bench.findings.due = []
        bench.run(for: 30_000)
        #expect(bench.questionsOfRedis == 0)
        bench.findings.due = [workflow]
        bench.run(for: 4000)
        #expect(bench.questionsOfRedis > 0)
    }

    @Test("a walk doesn't judge an agent whose goodbye may lie with another orchestrator; the next one follows soon")
    func takenAndPerhapsHandedBack() {
        var bench = WatchBench()
        bench.run(for: 30_000)
        bench.open = [row(1)]
        bench.entries = [entry(1, taker: "scaffold-9", idle: 30_000)]
        bench.unfinished = UnfinishedMessages(signalMilliseconds: 20_000)
        while bench.walks.count < 2 { bench.run(for: 1000) }
        #expect(bench.events.isEmpty)
        #expect(bench.removed.isEmpty)
        #expect(bench.signalClaims == [12_000])
        bench.unfinished = UnfinishedMessages()
        bench.gone = ["scaffold-9"]
        bench.run(for: 16_000)
        #expect(bench.events == [.abandoned])
    }
}
