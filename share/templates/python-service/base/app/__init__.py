"""The application: health, the routes of the application, and its public files."""

import os
import time
from pathlib import Path

from flask import Flask, Response, jsonify

from app import routes
from app.http import MAX_BODY_BYTES, add_security_headers, answer_errors

PUBLIC = Path(__file__).resolve().parent.parent / "public"


def create_app(data_directory: str | Path | None = None) -> Flask:
    """Makes the application; DATA_DIR (default: data) is where it stores things unless `data_directory` says."""
    app = Flask(__name__, static_folder=str(PUBLIC), static_url_path="")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["DATA_DIRECTORY"] = Path(data_directory or os.environ.get("DATA_DIR") or "data")
    started = time.monotonic()

    @app.get("/health")
    def health() -> Response:
        return jsonify(status="ok", uptime_seconds=int(time.monotonic() - started))

    @app.get("/")
    def index() -> Response:
        return app.send_static_file("index.html")

    routes.register(app)
    answer_errors(app)
    add_security_headers(app)
    return app
