"""Read `expiresAt` of an order event: ISO 8601 as it is written in practice, or epoch time."""

import contextlib
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

MAX_SHOWN: Final = 40
"""How many characters of a value that is not understood are shown: no known form is longer."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)

# By their magnitude, 12 and 13 digits are milliseconds (1973 to 2286, as of JavaScript's Date.now),
# 10 digits are seconds (2001 to 2286, as of `date +%s`): as milliseconds they would be in 1970.
# Other numbers are understood as nothing, because any reading of them would be a guess.
_MILLISECONDS: Final = (Decimal(10) ** 11, Decimal(10) ** 13)
_SECONDS: Final = (Decimal(10) ** 9, Decimal(10) ** 10)

# In text, 12 and 14 digits may be YYYYMMDDhhmm and YYYYMMDDhhmmss.
_MILLISECONDS_AS_TEXT: Final = re.compile(r"[0-9]{13}")

# What datetime.fromisoformat does not read: the name of the zone after the offset (RFC 9557), a
# space before the offset, the end of the day as 24:00 and a leap second (ISO 8601).
_ZONE_NAME: Final = re.compile(r"\[[^\]]*\]$")
_SPACE_BEFORE_OFFSET: Final = re.compile(r"(?<=[0-9]) +(?=Z$|[+-][0-9:]+$)")
_END_OF_DAY: Final = re.compile(r"(?<=[T ])24(?=:?00(:?00([.,]0+)?)?(Z|[+-][0-9:]+)?$)")
_LEAP_SECOND: Final = re.compile(r"(?<=[0-9]):60(?=[.,Z+-]|$)")


class NotUnderstood(Exception):
    """The value is no time; the text is the value, shortened."""


def read_expiry(raw: bytes) -> datetime | None:
    """Return the time in UTC of a JSON value; None for null, which means no expiry.

    A time without an offset is UTC, as the reference service writes it.

    Raises:
        NotUnderstood: it is something else.
    """
    if raw == b"null":
        return None
    try:
        if raw.startswith(b'"'):
            return _of_text(msgspec.json.decode(raw, type=str))
        # A JSON number begins with a digit or a minus sign (RFC 8259, section 6).
        if raw[:1].isdigit():
            return _of_number(Decimal(raw.decode()))
    except (ArithmeticError, ValueError):
        pass
    raise NotUnderstood(ascii(raw[:MAX_SHOWN].decode(errors="replace"))[1:-1])


def _of_text(text: str) -> datetime:
    if text[4:5] == "-" and text[10:11] == "T":  # most are plain ISO 8601
        with contextlib.suppress(ValueError):
            return _aware(datetime.fromisoformat(text))
    text = text.strip().upper().replace("\N{MINUS SIGN}", "-")
    if _MILLISECONDS_AS_TEXT.fullmatch(text):
        return _of_number(Decimal(text))
    text = _SPACE_BEFORE_OFFSET.sub("", _ZONE_NAME.sub("", text))
    text, ends_day = _END_OF_DAY.subn("00", text)
    time = datetime.fromisoformat(_LEAP_SECOND.sub(":59", text))
    return _aware(time) + timedelta(days=ends_day)


def _aware(time: datetime) -> datetime:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _of_number(number: Decimal) -> datetime:
    if _MILLISECONDS[0] <= number < _MILLISECONDS[1]:
        return _EPOCH + timedelta(milliseconds=int(number))
    if _SECONDS[0] <= number < _SECONDS[1]:
        return _EPOCH + timedelta(milliseconds=int(number * 1000))
    raise ValueError("out of range")
