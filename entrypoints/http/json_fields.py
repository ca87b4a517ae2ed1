"""JsonFields: the fields of a JSON body, each read once, and everything that is wrong with them.

Every request that moves money is read with it. A field that is misspelt, doubled or null must not
be taken for one that is absent: absent often means "all".
"""

import json
from collections import Counter
from collections.abc import Collection
from typing import Any, Final

import msgspec
from attrs import field, frozen

from entrypoints.http.errors import BadRequest
from entrypoints.http.reply_bodies import ErrorDetail
from entrypoints.http.request_fields import NOTHING, RETURN_URL, RequestBody
from entrypoints.http.validation import shown
from entrypoints.web_origins import is_url_of

# An error names at most this many unknown fields; the limit of a body allows thousands.
_MAX_UNKNOWN: Final = 10


@frozen
class JsonFields:
    """Reads fields of a JSON object and collects what is wrong with them."""

    body: dict[str, Any]
    request: RequestBody = NOTHING
    doubled: Collection[str] = ()
    details: list[ErrorDetail] = field(factory=list)

    @classmethod
    def of(cls, content: bytes, request: RequestBody = NOTHING) -> "JsonFields":
        """Parse a body.

        Raises:
            BadRequest: it is not a JSON object; with a detail for each required field.
        """
        message = "The body must be a JSON object"
        try:
            body = msgspec.json.decode(content)
            if isinstance(body, dict):
                return cls(body, request, _doubled_names(content, len(body)))
        except (msgspec.DecodeError, ValueError, RecursionError):
            message = "The body is not valid JSON"
        missing = (ErrorDetail(f"{message}: {name} is missing", name) for name in request.required)
        raise BadRequest(tuple(missing) or (ErrorDetail(message),))

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; the default if it is absent."""
        if default is not None and name not in self.body:
            return default
        return str(self._accepted(name))

    def amount(self, name: str) -> int | None:
        """Return a number of minor units; None if it is absent."""
        value = self._accepted(name) if name in self.body else None
        return value if isinstance(value, int) else None

    def currency(self, name: str) -> str | None:
        """Return the code of a currency as the client wrote it; None if it is absent."""
        return self.text(name) if name in self.body else None

    def url(self, name: str, origins: tuple[str, ...]) -> str | None:
        """Return a URL of one of these origins; None if it is absent."""
        if name not in self.body:
            return None
        value = self._value(name)
        if isinstance(value, str) and is_url_of(value, origins):
            return value
        self._refuse(name, RETURN_URL.rule)
        return None

    def one_of(self, name: str, values: Collection[str]) -> str | None:
        """Return a text that is one of these values; None if it is absent."""
        if name not in self.body:
            return None
        value = self._value(name)
        if isinstance(value, str) and value in values:
            return value
        self._refuse(name, f"must be {' or '.join(sorted(values))}")
        return None

    def require(self, *names: str) -> None:
        """Refuse a body without one of these fields."""
        for name in names:
            if name not in self.body:
                self._refuse(name, "is missing")

    def check(self) -> None:
        """Raise BadRequest if a field is invalid, or is not one of this request."""
        known = self.request.fields
        unknown = () if self.request.is_open else [each for each in self.body if each not in known]
        for name in unknown[:_MAX_UNKNOWN]:
            self.details.append(ErrorDetail("is not a field of this request", shown(name)))
        if self.details:
            raise BadRequest(tuple(self.details))

    def _accepted(self, name: str) -> Any:
        value, kind = self._value(name), self.request.fields[name]
        if not kind.accepts(value):
            self._refuse(name, kind.rule)
        return value

    def _value(self, name: str) -> Any:
        if name in self.doubled:
            self._refuse(name, "is there more than once")
        return self.body.get(name)

    def _refuse(self, name: str, rule: str) -> None:
        self.details.append(ErrorDetail(f"{name} {rule}", name))


def _doubled_names(content: bytes, count: int) -> Collection[str]:
    """Return the names that the object has more than once; msgspec keeps the last value of each.

    Args:
        content: a valid JSON object.
        count: how many different names it has.
    """
    # Each pair has a colon. With as many colons as names, no other pair can be there.
    if content.count(b":") == count:
        return ()
    pairs = json.loads(content, object_pairs_hook=list, parse_int=str, parse_float=str)
    counts = Counter(name for name, _ in pairs)
    return frozenset(name for name, count in counts.items() if count > 1)
