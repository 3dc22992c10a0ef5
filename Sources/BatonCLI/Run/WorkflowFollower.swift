import Glibc
import JSONTools

/// Follows a workflow to its end and prints what `RunScreen` says.
struct WorkflowFollower: Sendable {
    /// How long a server that doesn't answer is waited for: a restart takes seconds.
    static let patienceWithServer = Duration.seconds(90)
    /// Without an event for this long the state is asked for anyway, in case the stream is broken.
    static let pollInterval = Duration.seconds(3)

    /// Why the follower looks again.
    private enum Wakeup: Sendable {
        case event, tick, interrupt
    }

    let client: APIClient
    let terminal: Terminal
    /// Prints nothing at all, for `--json`.
    var isSilent = false

    /// Prints the workflow's course until it has ended.
    ///
    /// - Returns: the ended workflow; nil if Ctrl-C came first.
    /// - Throws: when the server doesn't answer for long.
    func follow(_ first: WorkflowView) async throws(CommandError) -> WorkflowView? {
        let (wakeups, continuation) = AsyncStream.makeStream(of: Wakeup.self, bufferingPolicy: .bufferingNewest(16))
        let watch = SignalWatch([SIGINT]) { _ in continuation.yield(.interrupt) }
        let reader = Task { await readEvents(of: first.id) { continuation.yield(.event) } }
        let ticker = Task { [interval = Duration.milliseconds(terminal.isInteractive ? 200 : 1000)] in
            while (try? await Task.sleep(for: interval)) != nil { continuation.yield(.tick) }
        }
        defer {
            reader.cancel()
            ticker.cancel()
            withExtendedLifetime(watch) {}
        }
        return try await loop(wakeups, first)
    }

    private func loop(_ wakeups: AsyncStream<Wakeup>, _ first: WorkflowView) async throws(CommandError) -> WorkflowView?
    {
        var screen = RunScreen(terminal: terminal)
        var live = LiveLine(terminal)
        var workflow = first
        var lastAnswer = ContinuousClock.now
        if !isSilent { live.print(screen.heading(first)) }
        show(screen.update(first, now: .now), &live)
        guard !first.hasEnded else { return first }
        for await wakeup in wakeups {
            let now = ContinuousClock.now
            switch wakeup {
            case .interrupt:
                live.show(nil)
                return nil
            case .tick where now - lastAnswer < Self.pollInterval:
                break
            case .event, .tick:
                do {
                    workflow = try await client.workflow(id: first.id)
                    lastAnswer = now
                } catch {
                    guard error.status == .unavailable || error.status == .temporary,
                        now - lastAnswer < Self.patienceWithServer
                    else {
                        live.show(nil)
                        throw error
                    }
                }
                show(screen.update(workflow, now: now), &live)
            }
            if workflow.hasEnded {
                live.show(nil)
                return workflow
            }
            if !isSilent {
                if let line = screen.waitingLine(now: now) { live.print(line) }
                let isSilentServer = now - lastAnswer > Self.pollInterval * 2
                live.show(isSilentServer ? "  … the server does not answer" : screen.liveLine(now: now))
            }
        }
        return nil
    }

    private func show(_ lines: [String], _ live: inout LiveLine) {
        guard !isSilent else { return }
        for line in lines { live.print(line) }
    }

    /// Reads the event stream, and reads on after the last event whenever it breaks.
    private func readEvents(of id: String, _ heard: @escaping @Sendable () -> Void) async {
        var last = ""
        while !Task.isCancelled {
            do {
                try await client.stream("/workflows/\(id)/events", [], after: last) { event in
                    if !event.id.isEmpty { last = event.id }
                    heard()
                }
            } catch {
                // The main loop polls meanwhile and says if the server stays away.
            }
            guard (try? await Task.sleep(for: .milliseconds(500))) != nil else { return }
        }
    }
}
