/// What an attempt is asked to do stands apart from how it goes.
enum Migration0006 {
    static let sql = """
        -- An update writes a row anew, and each attempt's row is updated once or more: a message of a kilobyte or two in it
        -- would be written each time, to the log too. Here it is written once.
        CREATE TABLE task_payloads (
            workflow_id uuid NOT NULL,
            task_id uuid NOT NULL,
            attempt integer NOT NULL,
            body bytea NOT NULL,
            PRIMARY KEY (workflow_id, task_id, attempt)
        ) PARTITION BY RANGE (workflow_id);
        CREATE TABLE task_payloads_default PARTITION OF task_payloads DEFAULT;
        -- Attempts of before keep theirs where it is.
        ALTER TABLE tasks ALTER COLUMN payload DROP NOT NULL;
        """
}
