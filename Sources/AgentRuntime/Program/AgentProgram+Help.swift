import AgentProtocol

extension AgentProgram {
    /// What `--help` prints.
    static func help(type: String, actions: [any AgentAction]) -> String {
        let names = (actions.map(\.description.name) + [NoopAction.name]).joined(separator: ", ")
        return """
            The \(type) agent of Baton: takes tasks of type "\(type)" from Redis, does them, reports the results.

            Actions: \(names)

            \(type)-agent                 take tasks until SIGTERM or SIGINT
            \(type)-agent --task FILE     run one task without Redis; FILE is JSON, - is standard input
            \(type)-agent health          exit 0 if an agent of this type runs here and was heard in the last 15 s
            \(type)-agent --version
            \(type)-agent --help

            A task file is an envelope as it travels on Redis, or a short form of it; missing ids, times and limits are
            filled in, and the irreversible part of an action is granted. The result goes to standard output, the log to
            standard error; exit code 0, or 1 for failure and cancelled.
              {"action": "noop", "payload": {"output": {"answer": 42}}}
              {"action": "…", "payload": {…}, "workspace": {"mode": "write", "url": "file:///path/repo.git", "commit": null},
               "workflow_context": {"requirements": "…", "input": {…}, "stage_outputs": {"earlier-stage": {…}}}}

            Environment
              BATON_REDIS_URL     redis://127.0.0.1:6379   where Redis is
              BATON_NAMESPACE                              put before every name on Redis
              BATON_DATA_DIR      .baton                   what all parts of Baton share: repositories, artifacts, caches
              BATON_SHARE_DIR     beside the executable    templates and definitions that come with Baton
              BATON_AGENT_SLOTS   4                        how many tasks run at once (1 to 256)
              BATON_LOG_LEVEL     info                     trace, debug, info, notice, warning, error, critical
              BATON_LOG_FORMAT    text                     text or json
              BATON_REDIS_PASSWORD                         where it isn't part of the URL
              BATON_SECRETS_DIR                            secrets that tasks may name, {"secret": "NAME"}: a file each
              BATON_SECRET_NAME                            one such secret
              BATON_PYTHON        python3 of PATH          the Python of Baton's own environment

            Each may stand in a file instead: BATON_REDIS_URL_FILE names one that holds BATON_REDIS_URL, and so on.

            While it runs, the agent touches $BATON_DATA_DIR/run/\(type)-<pid>.health at each acknowledged heartbeat.
            """
    }
}
