/// Who did what; what idempotency keys are old; lists and counts that go by index.
enum Migration0005 {
    static let sql = """
        -- A row a call that changed something, or was not allowed to.
        CREATE TABLE audit (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            tenant text NOT NULL,
            actor text NOT NULL,
            role text NOT NULL,
            action text NOT NULL,
            target text,
            status smallint NOT NULL,
            detail text NOT NULL
        );
        CREATE INDEX audit_by_actor ON audit (tenant, actor, id);
        CREATE INDEX audit_by_target ON audit (tenant, target, id);
        -- Nearly all rows are creations; whoever looks for something else doesn't wade through them.
        CREATE INDEX audit_rare ON audit (tenant, action, id) WHERE action <> 'createWorkflow';

        -- Keys that are kept, oldest first: they are forgotten after a while.
        CREATE INDEX workflows_with_key ON workflows (id) WHERE idempotency_key IS NOT NULL;

        -- Counting those of a status reads the index alone.
        CREATE INDEX workflows_by_tenant_status ON workflows (tenant, status, id);
        DROP INDEX workflows_by_status;

        -- Ids of tasks grow with time, as the table does: a few pages tell where one is.
        CREATE INDEX tasks_by_id ON tasks USING brin (task_id) WITH (pages_per_range = 32, autosummarize = on);
        """
}
