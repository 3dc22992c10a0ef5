import Glibc
import Synchronization

/// One OS thread that runs a closure once.
///
/// Blocking C libraries run here and not in Swift's cooperative pool, whose few threads must never block.
/// The thread blocks every signal that is sent to the process (so that SIGTERM and others reach the threads that
/// expect them, and a write to a broken socket is an error rather than the end of the process); signals raised by a fault
/// of the thread itself are left alone.
///
/// A thread that nobody joins goes on until its body returns, and then frees itself.
public final class DedicatedThread: Sendable {
    private let handle: Mutex<pthread_t?>

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - name: shown by debuggers and `ps -L`; the kernel keeps the first 15 bytes.
    ///   - body: runs once on the new thread.
    public init(name: String, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var mask = sigset_t()
        var previousMask = sigset_t()
        sigfillset(&mask)
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] {
            sigdelset(&mask, signal)
        }
        // A new thread inherits the mask of the thread that creates it.
        pthread_sigmask(SIG_SETMASK, &mask, &previousMask)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
                start.nameThread()
                start.body()
                return nil
            }, start.toOpaque())
        pthread_sigmask(SIG_SETMASK, &previousMask, nil)
        precondition(status == 0, "The system refused a thread (\(name)): error \(status). Raise its limit of threads.")
        handle = Mutex(thread)
    }

    deinit {
        if let thread = handle.withLock({ $0 }) { pthread_detach(thread) }
    }

    /// Blocks the calling thread until the body has returned. Never call it from a Swift task.
    ///
    /// Any number of threads may call it, any number of times.
    public func join() {
        // The lock is held while waiting: a second caller waits for the first, and nobody joins twice.
        handle.withLock { handle in
            guard let thread = handle else { return }
            let status = pthread_join(thread, nil)
            precondition(status == 0, "A dedicated thread cannot join itself (error \(status)).")
            handle = nil
        }
    }
}

/// What the new thread needs, handed over through `pthread_create`'s one pointer.
private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    /// Names the calling thread through the kernel's file, as Swift's Glibc module has no `pthread_setname_np`.
    /// A name is a convenience: without /proc the thread goes without.
    func nameThread() {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(file, bytes, bytes.count)
        close(file)
    }
}
