"""Which changes of the OpenAPI or the AsyncAPI document break clients and other services."""

from collections.abc import Iterator
from typing import Any

from tests.documents.schema_changes import Changes

Json = dict[str, Any]


def breaking_http(old: Json, new: Json) -> Iterator[str]:
    """Yield the changes of the HTTP interface that break a client."""
    for path, item in old["paths"].items():
        for method, operation in item.items():
            where = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{where}: the operation is removed"
            else:
                yield from _operation(old, new, operation, after, where)


def _operation(old: Json, new: Json, before: Json, after: Json, where: str) -> Iterator[str]:
    if before["operationId"] != after["operationId"]:
        yield f"{where}: the operationId is {after['operationId']}"
    for scheme in before.get("security", ()):
        if scheme not in after.get("security", ()):
            yield f"{where}: the sign-in {' '.join(scheme)} is removed"
    yield from _parameters(old, new, before, after, where)
    yield from _request(old, new, before.get("requestBody"), after.get("requestBody"), where)
    for status, reply in before["responses"].items():
        if status not in after["responses"]:
            yield f"{where}: the status {status} is removed"
        else:
            yield from _reply(old, new, reply, after["responses"][status], f"{where} {status}")


def _parameters(old: Json, new: Json, before: Json, after: Json, where: str) -> Iterator[str]:
    were = {(each["in"], each["name"]): each for each in before.get("parameters", ())}
    are = {(each["in"], each["name"]): each for each in after.get("parameters", ())}
    for place, name in were.keys() - are.keys():
        yield f"{where}: the parameter {name} in {place} is removed"
    for (place, name), parameter in are.items():
        was = were.get((place, name))
        if parameter.get("required") and not (was and was.get("required")):
            yield f"{where}: the parameter {name} in {place} is required now"
        if was:
            schemas = was["schema"], parameter["schema"]
            yield from Changes(old, new, we_send=False).breaking(*schemas, f"{where} {name}")


def _request(
    old: Json, new: Json, before: Json | None, after: Json | None, where: str
) -> Iterator[str]:
    before, after = before or {}, after or {}
    if after.get("required") and not before.get("required"):
        yield f"{where}: a body is required now"
    yield from _contents(Changes(old, new, we_send=False), before, after, f"{where} body")


def _reply(old: Json, new: Json, before: Json, after: Json, where: str) -> Iterator[str]:
    yield from _contents(Changes(old, new, we_send=True), before, after, where)
    for name in before.get("headers", {}):
        if name not in after.get("headers", {}):
            yield f"{where}: the header {name} is removed"


def _contents(changes: Changes, before: Json, after: Json, where: str) -> Iterator[str]:
    for media_type, content in before.get("content", {}).items():
        if media_type not in after.get("content", {}):
            yield f"{where}: the media type {media_type} is removed"
        elif "schema" in content:
            now = after["content"][media_type]["schema"]
            yield from changes.breaking(content["schema"], now, where)


def breaking_events(old: Json, new: Json) -> Iterator[str]:
    """Yield the changes of the events that break another service."""
    for name, channel in old["channels"].items():
        after = new["channels"].get(name)
        if after is None or after["address"] != channel["address"]:
            yield f"{channel['address']}: the subject is removed"
        elif after["x-jetstream"] != channel["x-jetstream"]:
            yield f"{channel['address']}: the stream is {after['x-jetstream']['stream']}"
    sent = [each["channel"] for each in old["operations"].values() if each["action"] == "send"]
    for name, operation in old["operations"].items():
        is_own = operation["action"] == "receive" and operation["channel"] in sent
        if new["operations"].get(name, {}).get("action") != operation["action"]:
            yield f"{name}: the operation is removed"
        elif not is_own:  # of our own events, only the order's id is read
            yield from _messages(old, new, operation)


def _messages(old: Json, new: Json, operation: Json) -> Iterator[str]:
    name = operation["channel"]["$ref"].rpartition("/")[2]
    before, after = (each["components"]["messages"].get(name) for each in (old, new))
    if before is None or after is None:
        return
    changes = Changes(old, new, we_send=operation["action"] == "send")
    for part in ("payload", "headers"):
        yield from changes.breaking(before[part], after[part], f"{before['title']} {part}")
