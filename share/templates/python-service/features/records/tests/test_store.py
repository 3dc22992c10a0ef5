"""What is kept is there after a restart, and lists are in the order that was asked for."""

from pathlib import Path

import pytest

from app.model import Field, Model, validate
from app.store import Query, Store

TITLE = Field("title", "Title", "string", required=True, max_length=200)
NOTE = Model("note", "notes", "Note", (TITLE, Field("order", "Order", "int"), Field("done", "Done", "bool")))


def titles(store: Store, query: Query) -> list[str]:
    return [item["title"] for item in store.list(NOTE, query)[0]]


def test_records_are_kept_in_order(tmp_path: Path) -> None:
    store = Store(tmp_path, [NOTE])
    for title, order, done in [("b", 2, True), ("A", None, False), ("c 100%", 1, False)]:
        store.create(NOTE, {"title": title, "order": order, "done": done})
    assert titles(store, Query(sort="title")) == ["A", "b", "c 100%"]
    assert titles(store, Query(sort="order")) == ["c 100%", "b", "A"]
    assert titles(store, Query(sort="order", descending=True)) == ["b", "c 100%", "A"]
    assert titles(store, Query(offset=1, limit=1)) == ["A"]
    assert titles(store, Query(search="100% C")) == ["c 100%"]
    assert titles(store, Query(search="_")) == []
    assert store.update(NOTE, 99, {"done": True}) is None
    assert store.remove(NOTE, 3)
    assert not store.remove(NOTE, 3)
    again = Store(tmp_path, [NOTE])
    assert again.list(NOTE, Query()) == store.list(NOTE, Query())
    made = again.create(NOTE, {"title": "d", "order": None, "done": False})
    assert made is not None
    assert made["id"] == 4


def test_a_model_may_gain_fields(tmp_path: Path) -> None:
    Store(tmp_path, [NOTE]).create(NOTE, {"title": "old", "order": 1, "done": True})
    more = Model("note", "notes", "Note", (*NOTE.fields, Field("due", "Due", "date")))
    items, total = Store(tmp_path, [more]).list(more, Query())
    assert total == 1
    assert items[0]["due"] is None


@pytest.mark.parametrize(
    ("type_", "given", "kept"),
    [
        ("string", "  a  ", "a"),
        ("text", " a\n", " a\n"),
        ("string", " ", None),
        ("int", 3.0, 3),
        ("bool", None, False),
        ("datetime", "2026-01-31T12:30+02:00", "2026-01-31T10:30:00Z"),
        ("url", "https://example.com/a?b", "https://example.com/a?b"),
        ("choice", "low", "low"),
    ],
)
def test_values_are_kept_in_one_form(type_: str, given: object, kept: object) -> None:
    model = Model("a", "as", "A", (Field("a", "A", type_, choices=("low", "high")),))
    assert validate(model, {"a": given}) == ({"a": kept}, {})


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("string", "a\nb"),
        ("string", "a\0"),
        ("int", True),
        ("int", 2**53),
        ("number", True),
        ("url", "https://"),
        ("url", "http://[::1"),
        ("datetime", "2026-13-01T00:00:00Z"),
        ("date", "0000-01-01"),
        ("choice", 7),
    ],
)
def test_other_values_are_refused(type_: str, given: object) -> None:
    model = Model("a", "as", "A", (Field("a", "A", type_, choices=("low",)),))
    assert list(validate(model, {"a": given})[1]) == ["a"]
