/// What may wait: questions to people, tasks that were given up, attempts that are recorded and not sent.
enum Migration0002 {
    static let sql = """
        -- A row a question. A round is closed when it was answered, when it expired or when its stage is run again.
        CREATE TABLE questions (
            workflow_id uuid NOT NULL,
            stage text NOT NULL,
            generation integer NOT NULL,
            round integer NOT NULL,
            id text NOT NULL,
            place integer NOT NULL,
            task_id uuid NOT NULL,
            attempt integer NOT NULL,
            text text NOT NULL,
            options bytea NOT NULL,
            asked_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            answer bytea,
            answered_by text,
            answered_at timestamptz,
            closed_at timestamptz,
            PRIMARY KEY (workflow_id, stage, generation, round, id)
        );
        CREATE INDEX questions_open ON questions (workflow_id) WHERE closed_at IS NULL;

        -- Letters are messages that could not be taken, or tasks whose attempts are spent.
        ALTER TABLE dead_letters
            ADD COLUMN state text NOT NULL DEFAULT 'open',
            ADD COLUMN cause_class text NOT NULL DEFAULT 'other',
            ADD COLUMN size_bytes integer,
            ADD COLUMN stage text,
            ADD COLUMN generation integer,
            ADD COLUMN task_id uuid,
            ADD COLUMN attempt integer,
            ADD COLUMN resolved_at timestamptz,
            ADD COLUMN resolved_by text;
        CREATE UNIQUE INDEX dead_letters_parked ON dead_letters (workflow_id, stage, generation)
            WHERE kind = 'task' AND stage IS NOT NULL;
        CREATE INDEX dead_letters_open ON dead_letters (created_at DESC, id DESC) WHERE state = 'open';

        -- Status 0: recorded, not sent. The tenant is known of those only: it decides whose turn it is.
        ALTER TABLE tasks
            ADD COLUMN is_held boolean NOT NULL DEFAULT false,
            ADD COLUMN tenant text;
        CREATE INDEX tasks_queued ON tasks (agent_type, tenant, priority, task_id) WHERE status = 0 AND NOT is_held;

        -- What is under way among all that has ended; updates stay on their page until the last one.
        CREATE INDEX workflow_state_open ON workflow_state (id) WHERE NOT is_terminal;
        """
}
