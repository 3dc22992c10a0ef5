/// The first schema. Why each table looks as it does: `docs/architecture.md`, "The record".
enum Migration0001 {
    static let sql = """
        CREATE TABLE definition_blobs (
            hash text PRIMARY KEY,
            body bytea NOT NULL
        );
        CREATE TABLE definitions (
            name text NOT NULL,
            version integer NOT NULL,
            hash text NOT NULL REFERENCES definition_blobs,
            source text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (name, version)
        );

        -- Hot: touched by every transition, by primary key only, so that updates stay on their page (HOT).
        CREATE TABLE workflow_state (
            id uuid PRIMARY KEY,
            definition_hash text NOT NULL,
            version bigint NOT NULL,
            is_terminal boolean NOT NULL,
            state bytea NOT NULL,
            next_wake_at timestamptz NOT NULL
        ) WITH (fillfactor = 50);
        ALTER TABLE workflow_state ALTER COLUMN state SET STORAGE MAIN;

        -- Searchable: refreshed lazily, at once when terminal.
        CREATE TABLE workflows (
            id uuid PRIMARY KEY,
            type text NOT NULL,
            definition_version integer NOT NULL,
            name text NOT NULL,
            description text NOT NULL,
            requirements text NOT NULL,
            priority text NOT NULL,
            tenant text NOT NULL,
            input bytea NOT NULL,
            trace_id text NOT NULL,
            created_by text NOT NULL,
            idempotency_key text,
            body_hash text,
            status text NOT NULL,
            current_stage text,
            progress smallint NOT NULL,
            state_version bigint NOT NULL,
            fault_code text,
            fault_message text,
            fault_stage text,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            started_at timestamptz,
            completed_at timestamptz
        );
        CREATE UNIQUE INDEX workflows_idempotency ON workflows (tenant, idempotency_key)
            WHERE idempotency_key IS NOT NULL;
        CREATE INDEX workflows_by_status ON workflows (status, id DESC);
        CREATE INDEX workflows_by_type ON workflows (type, id DESC);

        CREATE TABLE batches (
            id uuid PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        CREATE INDEX batches_by_time ON batches (at);

        -- A row an attempt: one INSERT when it is sent, one UPDATE when it ends. Status below 10 is open.
        CREATE TABLE tasks (
            workflow_id uuid NOT NULL,
            task_id uuid NOT NULL,
            attempt integer NOT NULL,
            stage text NOT NULL,
            generation integer NOT NULL,
            agent_type text NOT NULL,
            action text NOT NULL,
            priority text NOT NULL,
            dispatch_id bigint NOT NULL,
            status smallint NOT NULL,
            is_stopping boolean NOT NULL DEFAULT false,
            agent_id text,
            payload bytea NOT NULL,
            result bytea,
            fault_code text,
            published boolean NOT NULL DEFAULT false,
            publish_by timestamptz NOT NULL,
            entry_id text,
            deadline timestamptz,
            created_at timestamptz NOT NULL,
            started_at timestamptz,
            completed_at timestamptz,
            PRIMARY KEY (workflow_id, task_id, attempt)
        ) PARTITION BY RANGE (workflow_id);
        CREATE TABLE tasks_default PARTITION OF tasks DEFAULT WITH (fillfactor = 70);
        CREATE INDEX tasks_open ON tasks (task_id) WHERE status < 10;

        CREATE TABLE outputs (
            workflow_id uuid NOT NULL,
            stage text NOT NULL,
            generation integer NOT NULL,
            output bytea NOT NULL,
            artifacts bytea NOT NULL,
            commit text,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (workflow_id, stage, generation)
        );

        CREATE TABLE inbox (
            id uuid PRIMARY KEY,
            workflow_id uuid NOT NULL,
            event bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );

        -- At most one row a workflow: its earliest clock.
        CREATE TABLE timers (
            workflow_id uuid PRIMARY KEY,
            due_at timestamptz NOT NULL
        );
        CREATE INDEX timers_due ON timers (due_at);

        CREATE TABLE events (
            workflow_id uuid NOT NULL,
            seq bigint NOT NULL,
            kind text NOT NULL,
            severity text NOT NULL,
            actor text NOT NULL,
            at timestamptz NOT NULL,
            data bytea NOT NULL,
            PRIMARY KEY (workflow_id, seq)
        ) PARTITION BY RANGE (workflow_id);
        CREATE TABLE events_default PARTITION OF events DEFAULT;

        CREATE TABLE logs (
            workflow_id uuid NOT NULL,
            task_id uuid NOT NULL,
            attempt integer NOT NULL,
            line integer NOT NULL,
            id bigint GENERATED ALWAYS AS IDENTITY,
            stage text NOT NULL,
            at timestamptz NOT NULL,
            level text NOT NULL,
            stream text NOT NULL,
            text text NOT NULL,
            PRIMARY KEY (workflow_id, task_id, attempt, line)
        ) PARTITION BY RANGE (workflow_id);
        CREATE TABLE logs_default PARTITION OF logs DEFAULT;
        CREATE INDEX logs_by_id ON logs (workflow_id, id);

        CREATE TABLE artifacts (
            workflow_id uuid NOT NULL,
            stage text NOT NULL,
            generation integer NOT NULL,
            name text NOT NULL,
            type text NOT NULL,
            sha256 text NOT NULL,
            size_bytes bigint NOT NULL,
            label text,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (workflow_id, stage, generation, name)
        );
        CREATE INDEX artifacts_by_hash ON artifacts (sha256);

        CREATE TABLE agents (
            agent_id text PRIMARY KEY,
            agent_type text NOT NULL,
            version text NOT NULL,
            actions bytea NOT NULL,
            slots integer NOT NULL,
            free_slots integer NOT NULL,
            running integer NOT NULL DEFAULT 0,
            host text NOT NULL,
            pid bigint NOT NULL,
            registered_at timestamptz NOT NULL,
            last_heartbeat_at timestamptz NOT NULL,
            gone_at timestamptz
        );
        CREATE INDEX agents_by_type ON agents (agent_type, last_heartbeat_at DESC);

        CREATE TABLE dead_letters (
            id uuid PRIMARY KEY,
            kind text NOT NULL,
            source text NOT NULL,
            cause text NOT NULL,
            detail text NOT NULL,
            bytes bytea NOT NULL,
            workflow_id uuid,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        CREATE INDEX dead_letters_by_time ON dead_letters (created_at DESC);

        CREATE TABLE tokens (
            hash text PRIMARY KEY,
            name text NOT NULL,
            role text NOT NULL,
            tenant text NOT NULL DEFAULT 'default',
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            expires_at timestamptz,
            revoked_at timestamptz
        );
        """
}
