"""What every kind of record has to do: a class that names its model inherits all of these tests."""

import json
import math
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from app.model import TEXT_TYPES, Field, Model, Values, load_models

OPENAPI = Path(__file__).resolve().parent.parent / "public" / "openapi.json"

WRONG: dict[str, Any] = {
    "string": 7,
    "text": ["no text"],
    "email": "nobody",
    "url": "javascript:alert(1)",
    "int": 1.5,
    "number": "seven",
    "bool": "yes",
    "date": "2026-02-30",
    "datetime": "2026-01-31 12:30",
    "choice": "none of them",
}


def sample_value(field: Field, number: int) -> Any:
    values = {
        "string": f"Sample {number}",
        "text": f"First line {number}\nSecond line",
        "email": f"ada{number}@example.com",
        "url": f"https://example.com/{number}",
        "int": number,
        "number": number + 0.5,
        "bool": number % 2 == 1,
        "date": f"2026-01-{number:02}",
        "datetime": f"2026-01-{number:02}T12:30:00Z",
    }
    return field.choices[number % len(field.choices)] if field.type == "choice" else values[field.type]


def sample(model: Model, number: int) -> Values:
    """A record that passes every check; `number` from 1 to 28 makes them differ."""
    return {field.name: sample_value(field, number) for field in model.fields}


class RecordTests:
    """Set `name` to the name of a model."""

    name: str

    @property
    def model(self) -> Model:
        return next(model for model in load_models() if model.name == self.name)

    @property
    def path(self) -> str:
        return f"/api/{self.model.plural}"

    def test_create_read_change_replace_and_delete(self, client: FlaskClient) -> None:
        created = client.post(self.path, json=sample(self.model, 1))
        assert created.status_code == 201, created.text
        record = created.get_json()
        own = f"{self.path}/{record['id']}"
        assert created.headers["Location"].endswith(own)
        assert {name: record[name] for name in sample(self.model, 1)} == sample(self.model, 1)
        assert client.get(own).get_json() == record

        field = self.model.fields[0].name
        changed = client.patch(own, json={field: sample(self.model, 2)[field]}).get_json()
        assert changed[field] == sample(self.model, 2)[field]
        assert changed["created_at"] == record["created_at"]
        replaced = client.put(own, json=sample(self.model, 3)).get_json()
        assert {name: replaced[name] for name in sample(self.model, 3)} == sample(self.model, 3)

        assert client.delete(own).status_code == 204
        assert client.get(own).status_code == 404
        assert client.delete(own).get_json()["code"] == "NOT_FOUND"
        assert client.put(own, json=sample(self.model, 1)).status_code == 404

    def test_lists_are_paged_sorted_and_searched(self, client: FlaskClient) -> None:
        for number in range(1, 13):
            client.post(self.path, json=sample(self.model, number))
        first = client.get(f"{self.path}?per_page=5&sort=id").get_json()
        assert (len(first["items"]), first["page"], first["total"], first["pages"]) == (5, 1, 12, math.ceil(12 / 5))
        second = client.get(f"{self.path}?per_page=5&page=2&sort=id").get_json()
        assert second["items"][0]["id"] > first["items"][4]["id"]
        assert client.get(f"{self.path}?per_page=1").get_json()["items"][0]["id"] == 12
        for field in self.model.fields:
            assert client.get(f"{self.path}?sort=-{field.name}").status_code == 200, field.name
            if field.type in TEXT_TYPES - {"choice"}:
                wanted = sample_value(field, 12).split("\n")[0]
                found = client.get(self.path, query_string={"search": wanted.upper()}).get_json()
                assert found["total"] == 1, field.name
        none = client.get(self.path, query_string={"search": "%_\"'; DROP TABLE"}).get_json()
        assert (none["items"], none["total"], none["pages"]) == ([], 0, 1)
        for wrong in ["page=0", "page=x", "per_page=101", "sort=password", f"search={'x' * 201}"]:
            assert client.get(f"{self.path}?{wrong}").status_code == 400, wrong

    def test_mistakes_are_told_by_field(self, client: FlaskClient) -> None:
        for field in self.model.fields:
            answer = client.post(self.path, json={**sample(self.model, 1), field.name: WRONG[field.type]})
            assert answer.status_code == 422, field.name
            assert list(answer.get_json()["fields"]) == [field.name]
            assert answer.get_json()["error"].startswith(field.label)
            without = client.post(self.path, json={**sample(self.model, 1), field.name: None})
            assert without.status_code == (422 if field.required else 201), field.name
            if field.type in {"string", "text"}:
                text = "x" * (field.max_length + 1)
                long = client.post(self.path, json={**sample(self.model, 1), field.name: text})
                assert "at most" in long.get_json()["fields"][field.name]
        unknown = client.post(self.path, json={**sample(self.model, 1), "surprise": 1})
        assert unknown.get_json()["fields"] == {"surprise": "is not known"}
        assert client.get(f"{self.path}/nothing").status_code == 404

    def test_the_api_is_as_openapi_says(self) -> None:
        description = json.loads(OPENAPI.read_text())
        assert list(description["paths"][self.path]) == ["get", "post"]
        body = description["paths"][self.path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        schema = description["components"]["schemas"][body["$ref"].rsplit("/", 1)[-1]]
        assert list(schema["properties"]) == [field.name for field in self.model.fields]
        assert schema["required"] == [field.name for field in self.model.fields if field.required]
