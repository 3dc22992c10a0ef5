import Dispatch
import Glibc

/// Hears signals instead of being ended or stopped by them, as long as it exists.
final class SignalWatch {
    private let numbers: [Int32]
    private let sources: [any DispatchSourceSignal]

    /// - Parameter heard: called on another thread for each of these signals.
    init(_ signals: [Int32], heard: @escaping @Sendable (Int32) -> Void) {
        numbers = signals
        sources = signals.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { heard(number) }
            source.resume()
            return source
        }
    }

    deinit {
        for source in sources { source.cancel() }
        for number in numbers { signal(number, SIG_DFL) }
    }
}
