"""What the application stores: the models in model/*.json, and the check of everything that comes in."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MODEL_DIRECTORY = Path(__file__).resolve().parent.parent / "model"

# Types whose values are found by searching.
TEXT_TYPES = frozenset({"string", "text", "email", "url", "choice"})
LARGEST_INT = 2**53 - 1

Values = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One value of a record."""

    name: str
    label: str
    type: str
    required: bool = False
    max_length: int = 10_000
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """One kind of record; `json` is the file as it is."""

    name: str
    plural: str
    label: str
    fields: tuple[Field, ...]
    json: Values = field(default_factory=dict, hash=False, compare=False)

    @classmethod
    def from_json(cls, document: Values) -> "Model":
        fields = tuple(Field(**{**item, "choices": tuple(item.get("choices", ()))}) for item in document["fields"])
        return cls(document["name"], document["plural"], document["label"], fields, document)


def load_models(directory: Path = MODEL_DIRECTORY) -> list[Model]:
    """The models of a folder, in the order of the page."""
    documents = [json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))]
    return [Model.from_json(document) for document in sorted(documents, key=lambda item: item.get("position", 0))]


class Wrong(ValueError):
    """What is wrong with a value, as the rest of a sentence that begins with the field's label."""


def check_text(value: Any, field: Field) -> str | None:
    if not isinstance(value, str):
        raise Wrong("must be a text")
    if re.search("[\0\ud800-\udfff]", value):
        raise Wrong("has a character that no text may have")
    if len(value) > field.max_length:
        raise Wrong(f"has {len(value)} characters; at most {field.max_length} are allowed")
    return value if value.strip() else None


def check_line(value: Any, field: Field) -> str | None:
    text = check_text(value, field)
    if text is None:
        return None
    if re.search(r"[\r\n]", text.strip()):
        raise Wrong("must be one line")
    return text.strip()


def check_email(value: Any, field: Field) -> str | None:
    address = check_line(value, field)
    if address is not None and not re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", address):
        raise Wrong("must be an e-mail address")
    return address


def check_url(value: Any, field: Field) -> str | None:
    address = check_line(value, field)
    if address is None:
        return None
    message = "must be a web address, such as https://example.com"
    try:
        parts = urlsplit(address)
    except ValueError:
        raise Wrong(message) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", address):
        raise Wrong(message)
    return address


def check_int(value: Any, field: Field) -> int:  # noqa: ARG001
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST_INT:
        raise Wrong("must be a whole number")
    return value


def check_number(value: Any, field: Field) -> float:  # noqa: ARG001
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise Wrong("must be a number")
    return value


def check_bool(value: Any, field: Field) -> bool:  # noqa: ARG001
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def check_date(value: Any, field: Field) -> str:  # noqa: ARG001
    message = "must be a date, such as 2026-01-31"
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise Wrong(message)
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise Wrong(message) from None


def check_datetime(value: Any, field: Field) -> str:  # noqa: ARG001
    message = "must be a date and time with its zone, such as 2026-01-31T12:30:00Z"
    pattern = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise Wrong(message)
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Wrong(message) from None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def check_choice(value: Any, field: Field) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise Wrong(f"must be one of {', '.join(field.choices)}")
    return value


# Each gives the value to keep, or raises what is wrong.
CHECKS: dict[str, Callable[[Any, Field], Any]] = {
    "string": check_line,
    "text": check_text,
    "email": check_email,
    "url": check_url,
    "int": check_int,
    "number": check_number,
    "bool": check_bool,
    "date": check_date,
    "datetime": check_datetime,
    "choice": check_choice,
}


def check(value: Any, field: Field) -> Any:
    """The value to keep for a field; nothing and an empty text are None, or false where it is truth or not."""
    if value is None or value == "":
        kept = False if field.type == "bool" and not field.required else None
    else:
        kept = CHECKS[field.type](value, field)
    if kept is None and field.required:
        raise Wrong("is required")
    return kept


def validate(model: Model, given: Values, partial: bool = False) -> tuple[Values, dict[str, str]]:
    """The values to keep and, by field, what is wrong. With `partial`, fields that are not there are left alone."""
    known = {field.name for field in model.fields}
    errors = {name: "is not known" for name in given if name not in known}
    values: Values = {}
    for item in model.fields:
        if partial and item.name not in given:
            continue
        try:
            values[item.name] = check(given.get(item.name), item)
        except Wrong as wrong:
            errors[item.name] = str(wrong)
    return values, errors


def search_text(model: Model, values: Values) -> str:
    """The text that a search looks through."""
    return "\n".join(str(values.get(item.name) or "") for item in model.fields if item.type in TEXT_TYPES).lower()
