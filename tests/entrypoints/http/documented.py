"""Compare each reply with the OpenAPI document: its status, headers and body must be described."""

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx

Json = dict[str, Any]

# Headers that the document names wherever a reply may have them.
_HEADERS: Final = frozenset(
    {"location", "retry-after", "idempotent-replayed", "www-authenticate", "accept-encoding"}
)


def undocumented(document: Json, response: httpx.Response) -> list[str]:
    """Return what the document does not say about a reply; it may not describe the request."""
    request, status = response.request, str(response.status_code)
    path = request.url.raw_path.decode().partition("?")[0]  # other spellings are other paths
    operation = _operation(document, request.method, path)
    if operation is None:
        return []
    described = operation["responses"].get(status)
    if described is None:
        return [f"{operation['operationId']}: status {status}"]
    headers = {name.lower() for name in described.get("headers", ())}
    found = [f"header {name}" for name in sorted(_HEADERS & set(response.headers) - headers)]
    if request.method != "HEAD":
        found += _wrong_body(document, described, response)
    return [f"{operation['operationId']} {status}: {each}" for each in found]


def _operation(document: Json, method: str, path: str) -> Json | None:
    method = "get" if method == "HEAD" else method.lower()
    for template in sorted(document["paths"], key=lambda each: each.count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            operation: Json | None = document["paths"][template].get(method)
            return operation
    return None


def _wrong_body(document: Json, described: Json, response: httpx.Response) -> Iterator[str]:
    media_type = response.headers.get("content-type", "").partition(";")[0]
    content = described.get("content", {})
    if media_type not in content:
        yield f"media type {media_type}"
    elif media_type.endswith("json"):
        yield from wrong(document, content[media_type]["schema"], response.json(), "body")


def wrong(document: Json, schema: Json, value: object, where: str) -> Iterator[str]:
    """Yield where a value differs from a schema, of which the document uses a small part."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] | schema
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    named = schema.get("type", "")
    if isinstance(named, list):  # or null
        if value is None and "null" in named:
            return
        [named] = [each for each in named if each != "null"]
    kind = kinds.get(named, object)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        yield f"{where} is {value!r}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, not one of {schema['enum']}"
    match value:
        case dict():
            properties = schema.get("properties")
            for name in schema.get("required", ()):
                if name not in value:
                    yield f"{where} has no {name}"
            for name, each in value.items():
                if properties is not None and name not in properties:
                    yield f"{where} has {name}"
                elif properties is not None:
                    yield from wrong(document, properties[name], each, f"{where}.{name}")
        case list():
            for each in value:
                yield from wrong(document, schema["items"], each, f"{where}[]")
        case str():
            if not re.search(schema.get("pattern", ""), value):
                yield f"{where} is {value!r}, not like {schema['pattern']}"
        case int():
            if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                yield f"{where} is {value}"
        case _:
            pass
