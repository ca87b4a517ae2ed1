"""Canonical JSON: one text for one value, so that everybody computes the same hash of it.

As in RFC 8785: no white space, keys sorted, nothing escaped that need not be. The only numbers are
whole, and written in full. docs/audit.md says what that means for another program.
"""

from collections.abc import Callable
from json import JSONEncoder
from json.encoder import encode_basestring
from typing import Any, Final

_ENCODER: Final = JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def canonical_json(value: Any) -> str:
    """Return the canonical text of null, booleans, whole numbers, texts, lists and objects."""
    return _ENCODER.encode(value)


canonical_text: Final[Callable[[str], str]] = encode_basestring
"""Returns the canonical JSON of a text, which needs no encoder."""
