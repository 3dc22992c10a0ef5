import BlockingIO
import Glibc
import Synchronization
import Testing

@Suite struct DedicatedThreadTests {
    @Test func joinWaitsForTheBodyAndMayBeRepeated() {
        let observation = Observation()
        let thread = DedicatedThread(name: "a name that is far too long for the kernel") {
            observation.content.withLock { $0.ran = true }
        }
        thread.join()
        thread.join()
        #expect(observation.content.withLock { $0.ran })
    }

    @Test func theThreadHasItsNameAndLeavesSignalsToOthers() {
        let observation = Observation()
        let thread = DedicatedThread(name: "redis") {
            var name = [UInt8](repeating: 0, count: 16)
            let file = open("/proc/thread-self/comm", O_RDONLY)
            let length = read(file, &name, name.count)
            close(file)
            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            let text = String(decoding: name.prefix(max(0, length - 1)), as: UTF8.self)
            let blocksTermination = sigismember(&mask, SIGTERM) == 1
            let blocksFaults = sigismember(&mask, SIGSEGV) == 1
            observation.content.withLock {
                $0.name = text
                $0.blocksTermination = blocksTermination
                $0.blocksFaults = blocksFaults
            }
        }
        thread.join()
        let seen = observation.content.withLock { $0 }
        #expect(seen.name == "redis")
        #expect(seen.blocksTermination, "SIGTERM is for the threads that expect it.")
        #expect(!seen.blocksFaults, "A fault of the thread must still be reported.")
    }
}

/// What a thread saw, carried out of it.
private final class Observation: Sendable {
    struct Content {
        var ran = false
        var name = ""
        var blocksTermination = false
        var blocksFaults = true
    }

    let content = Mutex(Content())
}
