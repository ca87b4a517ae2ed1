"""Which changes of a JSON schema break those who send, or those who read, what it describes."""

from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

Json = dict[str, Any]

_LOWEST: Final = ("minimum", "minLength", "minItems")
_HIGHEST: Final = ("maximum", "maxLength", "maxItems")
# Whether two of these contain each other cannot be told, so that any other one breaks something.
_COMPARED: Final = ("pattern", "format")


@frozen
class Changes:
    """Compares the schemas of two documents.

    What others send us must still be accepted: nothing may be narrower. What we send must still be
    as it was: nothing may be wider. New optional fields, and new values in what we send, are fine:
    the documents say that readers ignore fields, and expect values, that they do not know.
    """

    old: Json
    new: Json
    we_send: bool

    def breaking(self, old: Json, new: Json, where: str) -> Iterator[str]:
        """Yield the changes from one schema to the other that break something."""
        old, new = _resolved(self.old, old), _resolved(self.new, new)
        if "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(old, new, where)
            return
        yield from self._types(old, new, where)
        yield from self._values(old, new, where)
        yield from self._limits(old, new, where)
        yield from self._fields(old, new, where)
        for name in ("items", "additionalProperties"):
            if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
                yield from self.breaking(old[name], new[name], f"{where}[]")

    def _alternatives(self, old: Json, new: Json, where: str) -> Iterator[str]:
        before, after = old.get("anyOf", [old]), new.get("anyOf", [new])
        if self.we_send:
            for each in after:
                if not any(self._fits(other, each, where) for other in before):
                    yield f"{where}: an alternative is new"
        else:
            for each in before:
                if not any(self._fits(each, other, where) for other in after):
                    yield f"{where}: an alternative is no longer accepted"

    def _fits(self, old: Json, new: Json, where: str) -> bool:
        return not list(self.breaking(old, new, where))

    def _types(self, old: Json, new: Json, where: str) -> Iterator[str]:
        before, after = _types(old), _types(new)
        if before == after:
            return
        is_fine = (
            not before or (after and after <= before)
            if self.we_send
            else (not after or (before and before <= after))
        )
        if not is_fine:
            yield f"{where}: the type was {sorted(before)} and is {sorted(after)}"

    def _values(self, old: Json, new: Json, where: str) -> Iterator[str]:
        before, after = _values(old), _values(new)
        if before is not None and after is not None:
            for value in before:
                if value not in after:
                    yield f"{where}: the value {value!r} is removed"
        elif after is not None and not self.we_send:
            yield f"{where}: only some values are accepted now"

    def _limits(self, old: Json, new: Json, where: str) -> Iterator[str]:
        for name in (*_LOWEST, *_HIGHEST):
            before, after = old.get(name), new.get(name)
            # What we send is broken if it is wider: the same as what is accepted, the other way.
            wide, narrow = (after, before) if self.we_send else (before, after)
            if narrow is not None and (wide is None or _is_inside(name, narrow, wide)):
                yield f"{where}: {name} was {before} and is {after}"
        for name in _COMPARED:
            before, after = old.get(name), new.get(name)
            if before != after and (before if self.we_send else after) is not None:
                yield f"{where}: {name} was {before} and is {after}"

    def _fields(self, old: Json, new: Json, where: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name in after:
                yield from self.breaking(before[name], after[name], f"{where}.{name}")
            else:
                yield f"{where}.{name}: the field is removed"
        was, is_now = set(old.get("required", ())), set(new.get("required", ()))
        if self.we_send:
            for name in sorted((was - is_now) & set(after)):
                yield f"{where}.{name}: the field is no longer always there"
        else:
            for name in sorted(is_now - was):
                yield f"{where}.{name}: the field is required now"
            if new.get("additionalProperties") is False and old.get("additionalProperties", True):
                yield f"{where}: unknown fields are refused now"


def _is_inside(name: str, narrow: float, wide: float) -> bool:
    return narrow > wide if name in _LOWEST else narrow < wide


def _resolved(document: Json, schema: Json) -> Json:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found: Json = document["components"]["schemas"][name]
        return found
    return schema


def _types(schema: Json) -> set[str]:
    kind = schema.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def _values(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")
