"""The REST API: for each model a list with search, sorting and pages, and to make, read, change and delete records."""

import math
import re
import threading
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from app.http import AppError, read_json
from app.model import Model, Values, load_models, validate
from app.store import Query, Store

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 100
MAX_SEARCH_LENGTH = 200


def whole_number(name: str, fallback: int, most: int) -> int:
    text = request.args.get(name, str(fallback))
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise AppError(400, "INVALID_PARAMETER", f"{name} must be a whole number from 1 to {most}.")
    return int(text)


class LazyStore:
    """The store, opened by the first request that needs it: who is only asked for the health leaves no files."""

    def __init__(self, directory: Path, models: list[Model]) -> None:
        self.directory = directory
        self.models = models
        self.lock = threading.Lock()
        self.opened: Store | None = None

    def __call__(self) -> Store:
        with self.lock:
            if self.opened is None:
                self.opened = Store(self.directory, self.models)
            return self.opened


class Records:
    """The answers for one model."""

    def __init__(self, model: Model, store: LazyStore) -> None:
        self.model = model
        self.store = store

    def existing(self, record: Values | None, number: int) -> Values:
        if record is None:
            raise AppError(404, "NOT_FOUND", f"There is no {self.model.label.lower()} {number}.")
        return record

    def checked(self, partial: bool = False) -> Values:
        values, errors = validate(self.model, read_json(request), partial)
        if errors:
            labels = {field.name: field.label for field in self.model.fields}
            message = " ".join(f"{labels.get(name, name)} {wrong}." for name, wrong in errors.items())
            raise AppError(422, "INVALID_FIELDS", message, errors)
        return values

    def list(self) -> Response:
        search = request.args.get("search", "")
        if len(search) > MAX_SEARCH_LENGTH:
            raise AppError(400, "INVALID_PARAMETER", f"search has at most {MAX_SEARCH_LENGTH} characters.")
        order = request.args.get("sort", "-id")
        known = ["id", "created_at", "updated_at", *(field.name for field in self.model.fields)]
        if order.removeprefix("-") not in known:
            raise AppError(400, "INVALID_PARAMETER", f"sort must be one of {', '.join(known)}.")
        page = whole_number("page", 1, 1_000_000)
        per_page = whole_number("per_page", DEFAULT_PER_PAGE, MAX_PER_PAGE)
        offset = (page - 1) * per_page
        query = Query(search, order.removeprefix("-"), order.startswith("-"), offset, per_page)
        items, total = self.store().list(self.model, query)
        pages = max(1, math.ceil(total / per_page))
        return jsonify(items=items, page=page, per_page=per_page, total=total, pages=pages)

    def create(self) -> ResponseReturnValue:
        record = self.store().create(self.model, self.checked())
        assert record is not None  # noqa: S101 - it was made in the same transaction
        return jsonify(record), 201, {"Location": f"/api/{self.model.plural}/{record['id']}"}

    def read(self, number: int) -> Response:
        return jsonify(self.existing(self.store().get(self.model, number), number))

    def update(self, number: int, partial: bool) -> Response:
        self.existing(self.store().get(self.model, number), number)
        values = self.checked(partial)
        return jsonify(self.existing(self.store().update(self.model, number, values), number))

    def remove(self, number: int) -> ResponseReturnValue:
        if not self.store().remove(self.model, number):
            self.existing(None, number)
        return "", 204


def register(app: Flask, models: list[Model] | None = None) -> None:
    models = load_models() if models is None else models
    store = LazyStore(app.config["DATA_DIRECTORY"], models)

    @app.get("/api/model")
    def model() -> Response:
        return jsonify(entities=[model.json for model in models])

    for model_ in models:
        records = Records(model_, store)
        path, one = f"/api/{model_.plural}", f"/api/{model_.plural}/<int:number>"

        def add(rule: str, method: str, view: Any, plural: str = model_.plural) -> None:
            app.add_url_rule(rule, f"{method.lower()}_{plural}_{rule.count('/')}", view, methods=[method])

        add(path, "GET", records.list)
        add(path, "POST", records.create)
        add(one, "GET", records.read)
        add(one, "PUT", partial(records.update, partial=False))
        add(one, "PATCH", partial(records.update, partial=True))
        add(one, "DELETE", records.remove)
