"""Ids of other systems: opaque text; a whole number is its decimal text."""

from typing import Final

MAX_CHARACTERS: Final = 255
"""The longest id: ids are indexed, so they are limited; a UUID has 36."""

# Larger ones are no ids: databases and programs count with 64 bits.
_LARGEST: Final = 2**64 - 1


def read_id(value: object) -> str:
    """Return an id as text that the database can store.

    Raises:
        ValueError: it is not an id; the text is the problem, without the value.
    """
    match value:
        case bool():
            raise ValueError("must be text or a whole number, not a boolean")
        case int() if abs(value) <= _LARGEST:
            return str(value)
        case int():
            raise ValueError("must be text, or a whole number of at most 64 bits")
        case str() if 1 <= len(value) <= MAX_CHARACTERS:
            return _storable(value)
        case str():
            raise ValueError(f"must be text of 1 to {MAX_CHARACTERS} characters")
        case _:
            raise ValueError(f"must be text or a whole number, not {_KINDS.get(type(value), '?')}")


_KINDS: Final = {type(None): "null", float: "a fraction", list: "a list", dict: "an object"}


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("contains NUL, which PostgreSQL cannot store")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair") from None
    return text
