/// Tokens that can be listed, bound to names and revoked, the sessions of browsers, and agents that take no more tasks.
enum Migration0004 {
    static let sql = """
        ALTER TABLE tokens
            ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
            -- Names that a client may give itself; null: any.
            ADD COLUMN workers text[],
            ADD COLUMN created_by text NOT NULL DEFAULT 'baton',
            ADD COLUMN revoked_by text,
            -- A session is a token that a browser got for another one; it goes with it.
            ADD COLUMN session_of uuid,
            -- The token of a data directory; a newer one takes its place.
            ADD COLUMN is_admin_file boolean NOT NULL DEFAULT false;
        CREATE UNIQUE INDEX tokens_by_id ON tokens (id);
        CREATE INDEX tokens_by_session ON tokens (session_of) WHERE session_of IS NOT NULL;
        ALTER TABLE agents ADD COLUMN is_draining boolean NOT NULL DEFAULT false;
        UPDATE tokens SET is_admin_file = true WHERE name = 'admin' AND role = 'admin';
        """
}
