"""Parse values of any topic; a ValueError is the problem in one line, without the value."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit


def text(value: str) -> str:
    """Accept any text without control characters."""
    if not value.isprintable():
        raise ValueError("contains control characters or is not UTF-8")
    return value


def key(value: str) -> str:
    """Accept what can be sent in an HTTP header."""
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must consist of printable ASCII characters without spaces")
    return value


def items(value: str) -> tuple[str, ...]:
    """Accept a list with commas between its items; empty ones are left out."""
    found = tuple(item.strip() for item in value.split(",") if item.strip())
    if not found:
        raise ValueError("is an empty list")
    return found


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    """Accept a whole number within these limits."""

    def parse(value: str) -> int:
        # int() refuses very long texts, and no maximum here has ten digits.
        is_number = value.isascii() and value.isdigit() and len(value) < 10
        if not (is_number and minimum <= int(value) <= maximum):
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return parse


def switch(value: str) -> bool:
    """Accept `on` or `off`."""
    if value not in ("on", "off"):
        raise ValueError("must be on or off")
    return value == "on"


def file(value: str) -> Path:
    """Accept the path of a file that can be read."""
    if not text(value):
        raise ValueError("is not the path of a file")
    path = Path(value)
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
        readable = os.access(path, os.R_OK)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ValueError(f"the file cannot be read: {reason}") from None
    if not is_regular:
        raise ValueError("is not a regular file")
    if not readable:
        raise ValueError("the file cannot be read: permission denied")
    return path


def web_url(value: str) -> str:
    """Accept an absolute web URL."""
    text(value)
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        raise ValueError("is not a web URL") from None
    if parts.scheme not in ("http", "https") or not (parts.hostname or parts.query):
        raise ValueError("is not a web URL (http or https://…)")
    return value
