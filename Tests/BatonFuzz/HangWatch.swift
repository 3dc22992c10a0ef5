import Foundation
import Glibc
import Synchronization

/// Ends the process when one input takes too long: a parser that never returns can't be asked.
final class HangWatch: Sendable {
    private let fed = Atomic<Int>(0)

    /// - Parameter seconds: how long an input may take by the clock on the wall.
    init(seconds: Int) {
        Thread.detachNewThread { [self] in
            var last = 0
            var still = 0
            while true {
                sleep(1)
                let now = fed.load(ordering: .relaxed)
                still = now == last ? still + 1 : 0
                last = now
                guard still >= seconds, now > 0 else { continue }
                print("✘ input \(now) has not ended within \(seconds) s; it is in the scratch file")
                fflush(nil)
                _exit(1)
            }
        }
    }

    /// The next input begins.
    func note() { fed.add(1, ordering: .relaxed) }
}
