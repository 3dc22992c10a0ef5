/// Lists by name and by last change go by index, however many workflows have ended.
enum Migration0003 {
    static let sql = """
        CREATE INDEX workflows_by_name ON workflows (tenant, name, id);
        CREATE INDEX workflows_by_change ON workflows (tenant, updated_at, id);
        """
}
