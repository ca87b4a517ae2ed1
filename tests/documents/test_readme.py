"""The tables of README.md are those of the interfaces: routes, replies, events and statuses."""

import json
import re
from pathlib import Path
from typing import Any, Final

from domain.payment_status import PaymentStatus

ROOT = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text()
# Other tests compare these with the code.
HTTP: Final = json.loads((ROOT / "docs/openapi.json").read_text())
EVENTS: Final = json.loads((ROOT / "docs/asyncapi.json").read_text())


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under the row of these headings."""
    table = README.partition(f"\n| {heading} |\n")[2].partition("\n\n")[0]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        for row in table.splitlines()[1:]
    ]


def test_the_readme_has_every_route() -> None:
    documented = {
        f"{method.upper()} {re.sub('{[a-z]+_id}', '{id}', path)}"
        for path, item in HTTP["paths"].items()
        for method in item
    }
    named = set(re.findall(r"\b((?:GET|POST) /[\w/{}-]+)", README)) | {
        f"GET {path}" for path in re.findall(r"`(/health/\w+|/metrics)`", README)
    }
    assert named == documented


def test_the_readme_has_every_parameter_of_a_list_of_operators() -> None:
    for path in ("/api/operator/payments", "/api/operator/dead-letters"):
        operation = HTTP["paths"][path]["get"]
        (query,) = re.findall(rf"`GET {path}\?(\S+)`", README)
        names = [each["name"] for each in operation["parameters"] if each["in"] == "query"]
        assert sorted(query.removesuffix("=").split("=&")) == sorted(names)


def test_the_readme_has_every_reply_to_a_payment() -> None:
    replies = HTTP["paths"]["/api/payments"]["post"]["responses"]
    named = {
        status
        for cell, *_ in rows("reply | when")
        for status in re.findall(r"\b[2-5][0-9]{2}\b", cell)
    }
    # Those of every route are in the document only.
    assert named == set(replies) - {"500", "501"}


def test_the_readme_has_the_fields_of_a_request() -> None:
    for path, item in HTTP["paths"].items():
        for operation in item.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            schema = body.get("schema", {})
            name = re.sub("{[a-z]+_id}", "{id}", path)
            described = re.search(rf"`POST {re.escape(name)}`(?: `{{(.*?)}}`)?", README)
            if path.startswith("/api/payments/") and "webhooks" not in path and schema:
                assert described is not None, path
                fields = set(filter(None, (described[1] or "").split(", ")))
                required = set(schema.get("required", ()))
                assert {each.removesuffix("?") for each in fields} == set(
                    schema.get("properties", {})
                ), path
                assert {each for each in fields if not each.endswith("?")} == required, path


def test_the_readme_has_every_event_with_its_fields() -> None:
    table = {
        cells[0].split("`")[1]: (cells[1], cells[2]) for cells in rows("subject | direction | body")
    }
    messages = EVENTS["components"]["messages"]
    assert set(table) == {each["title"] for each in messages.values()}
    for message in messages.values():
        schema = resolved(message["payload"])
        direction, text = table[message["title"]]
        fields = {each.removesuffix("?") for each in fields_of(text.split("`")[1])}
        is_ours = message["title"].startswith("payment:")
        assert direction == ("out" if is_ours else "in")
        if is_ours:
            assert fields == set(schema["properties"]), message["title"]
            optional = {each for each in fields_of(text.split("`")[1]) if each.endswith("?")}
            required = fields - {each.removesuffix("?") for each in optional}
            assert required == set(schema["required"]), message["title"]
        else:
            # The reference service sends more, such as the id of the ticket.
            assert set(schema["required"]) <= fields, message["title"]
            named = set(re.findall(r"\w+", text))
            assert set(schema["properties"]) <= named, message["title"]


def fields_of(body: str) -> list[str]:
    """Return the names of the fields at the top of a body such as `{id, ticket: {id}}`."""
    inside = re.sub(r": \{[^{}]*\}", "", body[1:-1])
    return [each.strip() for each in inside.split(",")]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = EVENTS["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def test_the_readme_has_every_status_of_a_payment() -> None:
    paragraph = README.partition("A payment's `status` is ")[2].partition("\n\n")[0]
    sentence = paragraph.partition("[docs/architecture.md]")[0]
    assert set(re.findall(r"`([a-z_]+)`", sentence)) == {each.value for each in PaymentStatus}
