"""Whether the description of the API is complete: python check_document.py share/api/openapi.yaml

Each operation has an example of what is sent, if something is, and of what comes back; each example is valid; each error
that every guarded operation can have is named.
"""
import sys

import jsonschema
import yaml

document = yaml.safe_load(open(sys.argv[1]))
faults, operations, checked = [], 0, 0


def resolved(node):
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def examples(holder):
    if "example" in holder:
        return [holder["example"]]
    return [resolved(one)["value"] for one in holder.get("examples", {}).values()]


def check(where, media, kind):
    global checked
    schema = media.get("schema", {})
    found = examples(media)
    if not found and (whole := resolved(schema)) and "example" in whole:
        found = [whole["example"]]
    if not found:
        faults.append(f"{where}: no example")
    if "json" not in kind:
        return
    validator = jsonschema.Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=jsonschema.FormatChecker())
    for one in found:
        checked += 1
        for error in validator.iter_errors(one):
            faults.append(f"{where}: {error.json_path}: {error.message[:200]}")


for path, item in document["paths"].items():
    for method in ("get", "post", "put", "delete"):
        if method not in item:
            continue
        operation, name = item[method], f"{method.upper()} {path}"
        operations += 1
        for kind, media in resolved(operation.get("requestBody", {})).get("content", {}).items():
            check(f"{name}, body {kind}", media, kind)
        for parameter in map(resolved, operation.get("parameters", []) + item.get("parameters", [])):
            for one in examples(parameter):
                checked += 1
                for error in jsonschema.Draft202012Validator(
                        {**parameter["schema"], "components": document["components"]}).iter_errors(one):
                    faults.append(f"{name}, {parameter['name']}: {error.message[:200]}")
        answers = operation["responses"]
        if not any(status in answers for status in ("101", "200", "201", "202", "204")):
            faults.append(f"{name}: no answer if all is well")
        for status, answer in answers.items():
            answer = resolved(answer)
            if status < "300":
                for kind, media in answer.get("content", {}).items():
                    check(f"{name}, {status} {kind}", media, kind)
            elif status >= "400" and "health" not in path and "application/problem+json" not in answer.get("content", {}):
                faults.append(f"{name}, {status}: no problem document")
        if operation.get("security") != []:
            for status in ("400", "401", "403", "429", "503"):
                if status not in answers:
                    faults.append(f"{name}: {status} is not named")
if faults:
    sys.exit("\n".join(faults))
print(f"✔ {operations} operations, {checked} examples")
