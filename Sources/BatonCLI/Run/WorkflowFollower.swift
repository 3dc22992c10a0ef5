import Glibc
import JSONTools

/// Follows a workflow to its end, and shows its course.
struct WorkflowFollower: Sendable {
    /// How long a server that doesn't answer is waited for: a restart takes seconds.
    static let patienceWithServer = Duration.seconds(90)
    /// Without an event for this long the state is asked for anyway, in case the stream is broken.
    static let pollInterval = Duration.seconds(3)
    /// Frames are drawn no faster, however much there is to show.
    static let frameInterval = Duration.milliseconds(50)

    let client: APIClient
    let terminal: Terminal
    /// Prints nothing at all, for `--json`.
    var isSilent = false

    private var isLive: Bool { terminal.isInteractive && !isSilent }

    /// Shows the workflow's course until it has ended.
    ///
    /// - Returns: the ended workflow; nil if Ctrl-C came first.
    /// - Throws: when the server doesn't answer for long.
    func follow(_ first: WorkflowView) async throws(CommandError) -> WorkflowView? {
        let inbox = FollowInbox()
        // A live view has hidden the cursor, and gives it back before anything else happens to the process.
        let signals = isLive ? [SIGINT, SIGTERM, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH] : [SIGINT]
        let watch = SignalWatch(signals) { number in inbox.put { $0.signals.insert(number) } }
        let tasks = [
            Task { await readEvents(of: first.id, into: inbox) },
            Task { [isLive] in if isLive { await readLogs(of: first.id, into: inbox) } },
            Task { [interval = Duration.milliseconds(isLive ? 200 : 1000)] in
                while (try? await Task.sleep(for: interval)) != nil { inbox.knock() }
            },
        ]
        defer {
            for task in tasks { task.cancel() }
            withExtendedLifetime(watch) {}
        }
        var course: any Course = SilentCourse()
        if isLive { course = LiveCourse(first, on: terminal) } else if !isSilent { course = PlainCourse(first) }
        course.take(first)
        do {
            let ended = try await first.hasEnded ? first : loop(inbox, first, &course)
            course.end()
            return ended
        } catch {
            course.end()
            throw error
        }
    }

    private func loop(
        _ inbox: FollowInbox, _ first: WorkflowView, _ course: inout any Course
    ) async throws(CommandError) -> WorkflowView? {
        var lastAnswer = ContinuousClock.now
        var lastFrame = ContinuousClock.now - Self.frameInterval
        for await _ in inbox.knocks {
            let now = ContinuousClock.now
            let news = inbox.take()
            if news.signals.contains(SIGINT) { return nil }
            for number in [SIGTERM, SIGQUIT] where news.signals.contains(number) {
                course.end()
                Self.die(of: number)
            }
            if news.signals.contains(SIGTSTP) {
                course.suspend()
                kill(getpid(), SIGSTOP)
            }
            for line in news.lines { course.take(line) }
            if news.hasEvents || now - lastAnswer >= Self.pollInterval {
                do {
                    let workflow = try await client.workflow(id: first.id)
                    lastAnswer = .now
                    course.take(workflow)
                    if workflow.hasEnded { return workflow }
                } catch {
                    guard error.status == .unavailable || error.status == .temporary,
                        now - lastAnswer < Self.patienceWithServer
                    else { throw error }
                }
            }
            // What comes too early for a frame is in the next one, after a knock of the clock.
            if now - lastFrame >= Self.frameInterval {
                course.show(isServerSilent: now - lastAnswer > Self.pollInterval * 2)
                lastFrame = now
            }
        }
        return nil
    }

    /// Ends this process as the signal does by itself.
    private static func die(of number: Int32) -> Never {
        signal(number, SIG_DFL)
        // Threads of the pool have it blocked.
        var these = sigset_t()
        sigemptyset(&these)
        sigaddset(&these, number)
        pthread_sigmask(SIG_UNBLOCK, &these, nil)
        raise(number)
        exit(128 + number)
    }

    /// Reads the event stream, and reads on after the last event whenever it breaks.
    private func readEvents(of id: String, into inbox: FollowInbox) async {
        await read("/workflows/\(id)/events") { _ in inbox.put { $0.hasEvents = true } }
    }

    private func readLogs(of id: String, into inbox: FollowInbox) async {
        await read("/workflows/\(id)/logs") { event in
            guard let json = try? JSONValue(parsing: event.data), json["text"] != nil else { return }
            inbox.put(LogLine(json))
        }
    }

    private func read(_ path: String, _ heard: @escaping @Sendable (ServerSentEvent) -> Void) async {
        var last = ""
        while !Task.isCancelled {
            do {
                try await client.stream(path, [], after: last) { event in
                    if !event.id.isEmpty { last = event.id }
                    heard(event)
                }
            } catch {
                // The main loop polls meanwhile and says if the server stays away.
            }
            guard (try? await Task.sleep(for: .milliseconds(500))) != nil else { return }
        }
    }
}
