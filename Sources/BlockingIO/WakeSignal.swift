import Glibc

/// A descriptor that is readable from `raise()` until `clear()`, to wake a thread that sleeps in `poll`.
///
/// It does what an `eventfd` does, which Swift's Glibc module has not (nor `pipe2`; a plain pipe would leak into programs
/// that another thread starts at that moment). Both calls may come from any thread. The descriptors are closed when the
/// last reference goes, so whoever polls holds a reference meanwhile.
public final class WakeSignal: Sendable {
    /// The number to give to `poll`. Never read, write or close it.
    public let descriptor: Int32
    private let writingEnd: Int32

    /// Opens a signal that isn't raised.
    ///
    /// - Parameter purpose: says in a crash message who could not get the descriptors.
    public init(purpose: String) {
        var ends: [Int32] = [-1, -1]
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let status = socketpair(AF_UNIX, Int32(kind), 0, &ends)
        precondition(
            status == 0,
            "The system refused a socket pair (\(purpose)): error \(errno). Raise the limit of open files (ulimit -n).")
        descriptor = ends[0]
        writingEnd = ends[1]
    }

    deinit {
        close(descriptor)
        close(writingEnd)
    }

    /// Makes the descriptor readable.
    public func raise() {
        var byte: UInt8 = 1
        // Fails when the buffer is full, and then the descriptor is readable anyway.
        while send(writingEnd, &byte, 1, Int32(MSG_NOSIGNAL)) < 0, errno == EINTR {}
    }

    /// Makes the descriptor unreadable until the next `raise()`.
    public func clear() {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            // Fewer bytes than asked for: it is empty now. An error other than EINTR: it was empty.
            while true {
                let count = read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count < buffer.count { return }
            }
        }
    }
}
