"""The application, for tests."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app


class BufferedClient(FlaskClient):
    """A client that reads every answer to its end, so that no file stays open."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        options.setdefault("buffered", True)
        return super().open(*args, **options)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    app = create_app(tmp_path)
    app.test_client_class = BufferedClient
    return app.test_client()
