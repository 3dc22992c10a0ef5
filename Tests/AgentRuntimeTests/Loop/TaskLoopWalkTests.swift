import AgentProtocol
import JSONTools
import TaskTransport
import Testing

@testable import AgentRuntime

@Suite("Random walks of the loop")
struct TaskLoopWalkTests {
    /// SplitMix64 (Steele, Lea and Flood, 2014), so that a walk can be walked again.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    /// The world around a loop: a stream, a Redis that comes and goes, attempts that end when they like.
    private struct World {
        var fixture = LoopFixture(slots: 3)
        var random: Generator
        /// Entries that are on the stream or claimed and not acknowledged.
        var onStream: [Int] = []
        var nextTask = 1
        var claimed: Set<Int> = []
        var working: Set<Int> = []
        var started: [Int: Int] = [:]
        var onResults: Set<Int> = []
        var settled: Set<Int> = []
        var sending: [[Int]] = []
        var claimAsked: Int?
        var hasLeft = false
        var isUp = false

        mutating func step(_ input: TaskLoop.Input) { carryOut(fixture.step(input)) }

        mutating func carryOut(_ effects: [Seen]) {
            for effect in effects {
                switch effect {
                case .claim(let count):
                    #expect(claimAsked == nil, "one claim at a time")
                    #expect(count > 0 && count + working.count <= 3, "no more than the free slots")
                    claimAsked = count
                case .start(let number):
                    #expect(started[number, default: 0] == 0, "task \(number) is started once")
                    started[number, default: 0] += 1
                    working.insert(number)
                    #expect(working.count <= 3, "no more attempts than slots")
                case .report(let numbers):
                    sending.append(numbers)
                case .handBack(let entries), .discard(let entries):
                    for entry in entries {
                        guard let number = Int(entry.dropLast(2)) else { continue }
                        claimed.remove(number)
                        if case .discard = effect { onStream.removeAll { $0 == number } }
                    }
                case .stop(let number, _): #expect(working.contains(number), "only what runs is stopped")
                case .leave(let abandoned):
                    hasLeft = true
                    #expect(Set(abandoned).isSubset(of: Set(started.keys)))
                case .heartbeat(let running, _, _):
                    #expect(isUp, "nothing is said while nobody hears")
                    #expect(Set(running) == working, "a heartbeat lists what runs")
                case .register, .started, .grantRequest, .grant, .logLevel, .heard, .warn, .reject, .giveUp: break
                }
            }
        }

        mutating func move() {
            fixture.milliseconds += Int.random(in: 0...400, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1:
                onStream.append(nextTask)
                nextTask += 1
            case 2, 3, 4:
                answerClaim()
            case 5, 6:
                if let number = working.sorted().randomElement(using: &random) {
                    working.remove(number)
                    step(.finished(LoopFixture.reference(number), result: [1]))
                }
            case 7, 8:
                deliver()
            case 9:
                settleSome()
            case 10:
                step(.tick)
            default:
                isUp.toggle()
                step(isUp ? .connected : .disconnected)
                // What was claimed and not acknowledged is read again.
                if isUp { claimed = working }
            }
        }

        private mutating func answerClaim() {
            guard let count = claimAsked else { return }
            claimAsked = nil
            guard isUp else {
                step(.claimFailed)
                return
            }
            let free = onStream.filter { !claimed.contains($0) }.prefix(count)
            claimed.formUnion(free)
            step(.claimed(free.map { LoopFixture.task($0) }))
        }

        private mutating func deliver() {
            guard !sending.isEmpty else { return }
            let numbers = sending.removeFirst()
            if isUp {
                onResults.formUnion(numbers)
                onStream.removeAll { numbers.contains($0) }
                claimed.subtract(numbers)
                step(.reported(numbers.map(LoopFixture.reference)))
            } else {
                // The reply may be lost after Redis had done it.
                if Bool.random(using: &random) {
                    onResults.formUnion(numbers)
                    onStream.removeAll { numbers.contains($0) }
                }
                step(.notReported(numbers.map(LoopFixture.reference)))
            }
        }

        private mutating func settleSome() {
            guard isUp else { return }
            let some = onResults.subtracting(settled).filter { _ in Bool.random(using: &random) }
            settled.formUnion(some)
            carryOut(fixture.acknowledge(settled: Array(some)))
        }

        /// Lets everything come to its end.
        mutating func settleDown() {
            if !isUp {
                isUp = true
                step(.connected)
                claimed = working
            }
            for _ in 0..<2000 where settled.count < nextTask - 1 || !fixture.loop.held.isEmpty {
                fixture.milliseconds += 200
                step(.tick)
                answerClaim()
                for number in working {
                    working.remove(number)
                    step(.finished(LoopFixture.reference(number), result: [1]))
                }
                while !sending.isEmpty { deliver() }
                settled.formUnion(onResults)
                carryOut(fixture.acknowledge(settled: Array(onResults)))
            }
        }
    }

    @Test(
        "Whatever happens, each task is started once, reported, settled, and the stream ends up empty",
        arguments: 0..<200)
    func walks(seed: UInt64) {
        var world = World(random: Generator(state: seed))
        for _ in 0..<300 { world.move() }
        world.settleDown()
        #expect(world.settled == Set(1..<world.nextTask))
        #expect(world.onStream == [])
        #expect(world.fixture.loop.running.isEmpty && world.fixture.loop.held.isEmpty)
        #expect(world.fixture.loop.heldBytes == 0)
        world.step(.terminate)
        world.claimAsked = nil
        world.step(.claimed([]))
        #expect(world.hasLeft)
    }
}
