"""Form: what a browser has sent with a form."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from attrs import field, frozen

from entrypoints.http.errors import BadRequest, NotJson
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.reply_bodies import ErrorDetail
from entrypoints.http.requests import read_body
from entrypoints.http.validation import is_text

TOKEN_FIELD: Final = "form"  # noqa: S105 - the name of the field
"""The field with the form token."""

# 200 dead letters to replay, and a reason whose characters are 12 bytes long.
_MAX_BYTES: Final = 16 * 1024
_MAX_FIELDS: Final = 256

_TYPE: Final = "application/x-www-form-urlencoded"


@frozen
class Form:
    """The fields of a form. Texts are trimmed: a key is pasted with a space easily."""

    _fields: Mapping[str, Sequence[str]] = field(repr=False)

    @classmethod
    async def of(cls, request: HttpRequest) -> "Form":
        """Read a form.

        Raises:
            NotJson: the body is no form.
            BadRequest: it is not UTF-8, or has too many fields.
            EncodedBody, BodyTooLarge, BodyTooSlow: see `read_body`.
        """
        kind = request.fields.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _TYPE:
            raise NotJson(f"The body must be {_TYPE}")
        content = await read_body(request, _MAX_BYTES)
        try:
            text = content.decode("ascii")
            fields = parse_qs(
                text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
            )
        except ValueError:
            raise BadRequest((ErrorDetail("The form cannot be read"),)) from None
        return cls(fields)

    def text(self, name: str) -> str:
        """Return a field; empty if it is absent, or there are several."""
        values = self._fields.get(name, ())
        return values[0].strip() if len(values) == 1 else ""

    def all(self, name: str) -> Sequence[str]:
        """Return every value of a field."""
        return self._fields.get(name, ())

    def required(self, name: str, what: str) -> str:
        """Return a field.

        Raises:
            BadRequest: it is empty, too long, or no text that can be stored.
        """
        value = self.text(name)
        if not value:
            raise BadRequest((ErrorDetail(f"Enter {what}", name),))
        if not is_text(value):
            raise BadRequest((ErrorDetail(f"Enter {what} of at most 255 characters", name),))
        return value
