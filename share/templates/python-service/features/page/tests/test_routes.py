"""The application's API."""

from datetime import datetime

from flask.testing import FlaskClient


def test_it_tells_what_the_application_is(client: FlaskClient) -> None:
    body = client.get("/api/info").get_json()
    assert body["version"] == "0.1.0"
    assert body["name"]
    assert datetime.fromisoformat(body["started_at"])
    assert body["greeting"] == "Hello, world!"


def test_it_greets_by_name_as_text(client: FlaskClient) -> None:
    response = client.get("/api/info", query_string={"name": "<b>Ada</b>"})
    assert response.mimetype == "application/json"
    assert response.get_json()["greeting"] == "Hello, <b>Ada</b>!"


def test_it_refuses_a_name_that_is_too_long(client: FlaskClient) -> None:
    response = client.get("/api/info", query_string={"name": "x" * 101})
    assert response.status_code == 400
    assert response.get_json()["code"] == "NAME_TOO_LONG"
