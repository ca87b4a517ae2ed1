"""Pseudonyms: what stands for a user who was forgotten."""

import re
from typing import Final

from domain.identifiers import UserId

# 128 random bits: two forgotten users never have the same one, and it is derived from nothing.
_FORM: Final = re.compile(r"forgotten-[0-9a-f]{32}")


def pseudonym(random: str) -> UserId:
    """Return the pseudonym of 32 random hexadecimal digits.

    Raises:
        ValueError: these are not 32 hexadecimal digits.
    """
    name = UserId(f"forgotten-{random}")
    if not is_pseudonym(name):
        raise ValueError("not 32 hexadecimal digits")
    return name


def is_pseudonym(user_id: UserId) -> bool:
    """Whether this stands for a user who was forgotten."""
    return _FORM.fullmatch(user_id) is not None
