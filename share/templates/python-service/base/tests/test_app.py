"""What every request meets, whatever the application does: health, files, headers and errors."""

import re

import pytest
from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient

from app.http import AppError, answer_errors, read_json


def test_it_says_that_it_is_well(client: FlaskClient) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.get_json()["status"] == "ok"
    assert response.headers["Cache-Control"] == "no-store"


def test_the_page_has_a_strict_content_security_policy(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert '<html lang="en">' in response.text
    assert not re.search(r"<script>|<style>| style=| on[a-z]+=", response.text)


def test_every_file_that_the_page_names_is_there(client: FlaskClient) -> None:
    names = re.findall(r'(?:src|href)="([^"#?]+)', client.get("/").text)
    assert len(names) >= 5
    for name in names:
        assert name.startswith("/")
        assert client.get(name).status_code == 200, name


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/..%2fpyproject.toml", "/%2e%2e/app/http.py", "//etc/passwd"])
def test_no_file_outside_the_public_folder_is_reached(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (308, 404)
    assert "import" not in response.text


def test_what_is_not_known_is_refused_with_json(client: FlaskClient) -> None:
    missing = client.get("/nothing-here")
    assert missing.status_code == 404
    assert missing.get_json()["code"] == "NOT_FOUND"
    wrong = client.delete("/health")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]
    assert wrong.get_json()["code"] == "METHOD_NOT_ALLOWED"


@pytest.fixture
def echo() -> FlaskClient:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 100

    @app.post("/echo")
    def echo() -> Response:
        return jsonify(read_json(request))

    @app.get("/broken")
    def broken() -> Response:
        raise RuntimeError("secret detail")

    @app.get("/known")
    def known() -> Response:
        raise AppError(409, "TAKEN", "It is taken.", {"name": "is taken"})

    answer_errors(app)
    return app.test_client()


def test_bodies_are_json_objects_and_nothing_else(echo: FlaskClient) -> None:
    assert echo.post("/echo", json={"a": 1}).get_json() == {"a": 1}
    assert echo.post("/echo", data='{"a": 1}', content_type="text/plain").status_code == 415
    for body in ["", "{", "[]", "null", "7"]:
        assert echo.post("/echo", data=body, content_type="application/json").status_code == 400, body
    assert echo.post("/echo", json={"a": "x" * 200}).status_code in (400, 413)


def test_a_client_is_told_nothing_of_errors_inside(echo: FlaskClient) -> None:
    response = echo.get("/broken")
    assert response.status_code == 500
    assert "secret" not in response.text
    known = echo.get("/known")
    assert known.status_code == 409
    assert known.get_json() == {"error": "It is taken.", "code": "TAKEN", "fields": {"name": "is taken"}}
