"""Decode one JSON object, and find names that occur twice in it with different values."""

import json
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_Body = TypeVar("_Body")


class NotOneObject(Exception):
    """The bytes are not the expected object; the text is the reason."""


class _Object(dict[str, Any]):
    """An object with the names that have several different values; the last value is kept."""

    contradictory: frozenset[str] = frozenset()


def decode_object(
    decoder: msgspec.json.Decoder[_Body], data: bytes, unique: Sequence[str]
) -> _Body:
    """Return the decoded object.

    Args:
        decoder: of the expected type.
        data: JSON in UTF-8, with or without a byte-order mark.
        unique: names that must not have two different values, such as `id` or `ticket.price`. Of
            two values, msgspec takes the last, and other parsers take the first.

    Raises:
        NotOneObject: the bytes are something else.
    """
    # RFC 8259, section 8.1: a parser may ignore the mark; some libraries write it.
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        body = decoder.decode(data)
        if _has_no_name_twice(data):
            return body
        document = json.loads(data, object_pairs_hook=_to_object, parse_int=str, parse_float=str)
    except msgspec.ValidationError as error:
        raise NotOneObject(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotOneObject(f"not JSON: {type(error).__name__}") from None
    for path in unique:
        *parents, name = path.split(".")
        parent = document
        for each in parents:
            parent = parent.get(each) if isinstance(parent, _Object) else None
        if isinstance(parent, _Object) and name in parent.contradictory:
            raise NotOneObject(f"{path}: occurs twice with different values")
    return body


def _has_no_name_twice(data: bytes) -> bool:
    """Whether no name occurs twice, as far as a fast check can tell.

    A name that occurs twice is once in the decoded document, so encoding it again gives fewer
    quotation marks. Without a backslash, every quotation mark is the end of a string.
    """
    if b"\\" in data:
        return False
    try:
        again = msgspec.json.encode(msgspec.json.decode(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return data.count(b'"') == again.count(b'"')


def _to_object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        found.contradictory = frozenset(name for name, value in pairs if value != found[name])
    return found
