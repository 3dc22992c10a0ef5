"""What the application answers beside its files."""

import json
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, Response, jsonify, request

from app.http import AppError

INFO = json.loads((Path(__file__).parent / "info.json").read_text(encoding="utf-8"))
MAX_NAME_LENGTH = 100


def register(app: Flask) -> None:
    started_at = datetime.now(UTC).isoformat()

    @app.get("/api/info")
    def info() -> Response:
        greet = request.args.get("name", "world")
        if len(greet) > MAX_NAME_LENGTH:
            raise AppError(400, "NAME_TOO_LONG", f"A name has at most {MAX_NAME_LENGTH} characters.")
        return jsonify(**INFO, version="0.1.0", started_at=started_at, greeting=f"Hello, {greet}!")
