"""Records in an SQLite database, one table for each model. Columns that a model gains are added to its table."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.model import Model, Values, search_text

COLUMN_TYPES = {"int": "INTEGER", "bool": "INTEGER", "number": "REAL"}


def quoted(name: str) -> str:
    """Names come from the models, which hold a-z, 0-9 and _ only; quoted because one may be a word of SQL."""
    return f'"{name}"'


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Query:
    """Which records of a list are wanted, and in which order."""

    search: str = ""
    sort: str = "id"
    descending: bool = False
    offset: int = 0
    limit: int = 20


class Store:
    """Each call has a connection of its own, so that any thread may make one."""

    def __init__(self, directory: Path, models: list[Model]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "app.db"
        with self.connection() as database:
            database.execute("PRAGMA journal_mode = WAL")
            for model in models:
                self.prepare(database, model)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept when the block ends well, and none of them otherwise."""
        database = sqlite3.connect(self.path, timeout=10)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA synchronous = NORMAL")
        try:
            with database:
                yield database
        finally:
            database.close()

    @staticmethod
    def prepare(database: sqlite3.Connection, model: Model) -> None:
        table = quoted(model.plural)
        database.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, created_at TEXT NOT NULL, "
            "updated_at TEXT NOT NULL, search_text TEXT NOT NULL DEFAULT '')"
        )
        columns = {row["name"] for row in database.execute(f"PRAGMA table_info({table})")}
        for field in model.fields:
            if field.name not in columns:
                kind = COLUMN_TYPES.get(field.type, "TEXT")
                database.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(field.name)} {kind}")

    @staticmethod
    def record(model: Model, row: sqlite3.Row | None) -> Values | None:
        if row is None:
            return None
        values = {
            field.name: bool(row[field.name]) if field.type == "bool" else row[field.name] for field in model.fields
        }
        return {"id": row["id"], **values, "created_at": row["created_at"], "updated_at": row["updated_at"]}

    def list(self, model: Model, query: Query) -> tuple[list[Values], int]:
        """The wanted records, and how many there are of all pages together."""
        words: list[Any] = []
        for word in query.search.lower().split():
            escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            words.append(f"%{escaped}%")
        condition = " AND ".join("search_text LIKE ? ESCAPE '\\'" for _ in words) or "1"
        source = f"FROM {quoted(model.plural)} WHERE {condition}"
        sort, direction = quoted(query.sort), "DESC" if query.descending else "ASC"
        order = f"{sort} IS NULL, {sort} COLLATE NOCASE {direction}, id {direction}"
        with self.connection() as database:
            rows = database.execute(
                f"SELECT * {source} ORDER BY {order} LIMIT ? OFFSET ?", [*words, query.limit, query.offset]
            ).fetchall()
            total = database.execute(f"SELECT count(*) {source}", words).fetchone()[0]
        return [record for row in rows if (record := self.record(model, row))], total

    def get(self, model: Model, number: int) -> Values | None:
        with self.connection() as database:
            return self.find(database, model, number)

    def find(self, database: sqlite3.Connection, model: Model, number: int) -> Values | None:
        rows = database.execute(f"SELECT * FROM {quoted(model.plural)} WHERE id = ?", [number])
        return self.record(model, rows.fetchone())

    def create(self, model: Model, values: Values) -> Values | None:
        moment = now()
        columns = {**values, "created_at": moment, "updated_at": moment, "search_text": search_text(model, values)}
        names, marks = ", ".join(map(quoted, columns)), ", ".join("?" for _ in columns)
        with self.connection() as database:
            cursor = database.execute(
                f"INSERT INTO {quoted(model.plural)} ({names}) VALUES ({marks})", list(columns.values())
            )
            return self.find(database, model, cursor.lastrowid or 0)

    def update(self, model: Model, number: int, values: Values) -> Values | None:
        with self.connection() as database:
            before = self.find(database, model, number)
            if before is None:
                return None
            columns = {**values, "updated_at": now(), "search_text": search_text(model, {**before, **values})}
            changes = ", ".join(f"{quoted(name)} = ?" for name in columns)
            database.execute(f"UPDATE {quoted(model.plural)} SET {changes} WHERE id = ?", [*columns.values(), number])
            return self.find(database, model, number)

    def remove(self, model: Model, number: int) -> bool:
        with self.connection() as database:
            return database.execute(f"DELETE FROM {quoted(model.plural)} WHERE id = ?", [number]).rowcount > 0
