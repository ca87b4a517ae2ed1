"""QueryFields: the parameters of a query, each read once, and what is wrong with them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from attrs import field, frozen

from entrypoints.http.errors import BadRequest
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.reply_bodies import ErrorDetail
from entrypoints.http.request_fields import TEXT
from entrypoints.http.validation import is_text, shown

# A number of 64 bits has at most so many digits.
_MAX_DIGITS: Final = 19


@frozen
class QueryFields:
    """Reads parameters and collects what is wrong with them; a misspelt one must not be missed."""

    values: Mapping[str, list[str]]
    known: set[str] = field(factory=set)
    details: list[ErrorDetail] = field(factory=list)

    @classmethod
    def of(cls, request: HttpRequest) -> "QueryFields":
        """Return the parameters of a request."""
        query = request.query_params
        return cls({name: query.getall(name, []) for name in query})

    def text(self, name: str) -> str | None:
        """Return a text; None if it is absent."""
        value = self._value(name)
        if value is None or is_text(value):
            return value
        self.refuse(name, TEXT.rule)
        return None

    def number(self, name: str, least: int, most: int, default: int) -> int:
        """Return a whole number from `least` to `most`; the default if it is absent."""
        value = self._value(name)
        if value is None:
            return default
        is_number = value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS
        if is_number and least <= int(value) <= most:
            return int(value)
        self.refuse(name, f"must be a whole number from {least} to {most}")
        return default

    def moment(self, name: str) -> datetime | None:
        """Return a time in ISO 8601, in UTC unless it says otherwise; None if it is absent."""
        value = self._value(name)
        if value is None:
            return None
        try:
            # In a query, `+` stands for a space.
            at = datetime.fromisoformat(value.replace(" ", "+"))
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.refuse(name, "must be a time such as 2026-01-31T12:00:00Z")
            return None

    def cursor(self) -> int:
        """Return the `cursor` of a list that is numbered: the last number of the page before."""
        return self.number("cursor", 0, 2**63 - 1, 0)

    def refuse(self, name: str, rule: str) -> None:
        """Record that a parameter is wrong."""
        self.details.append(ErrorDetail(f"{name} {rule}", name))

    def check(self) -> None:
        """Return if every parameter is known and valid.

        Raises:
            BadRequest: with one detail for each that is not.
        """
        for name in self.values:
            if name not in self.known:
                message = "is not a parameter of this request"
                self.details.append(ErrorDetail(message, shown(name)))
        if self.details:
            raise BadRequest(tuple(self.details))

    def _value(self, name: str) -> str | None:
        self.known.add(name)
        values = self.values.get(name, [])
        if len(values) > 1:
            self.refuse(name, "is there more than once")
        return values[0] if values else None
