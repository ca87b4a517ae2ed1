"""The options `--since` and `--until`, in all commands about a period."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import click

from entrypoints.cli.running import fail

Command = TypeVar("Command", bound=Callable[..., Any])

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before anything that a gateway has."""

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

# Six digits of minutes are nearly two years.
_AGO: Final = re.compile(r"([0-9]{1,6})([mhdw])")


class Moment(click.ParamType[datetime]):
    """A time: so long ago, such as `3d`, or in ISO 8601, in UTC unless it says otherwise."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time."""
        if isinstance(value, datetime):
            return value
        try:
            return moment(str(value), datetime.now(UTC))
        except (ValueError, OverflowError):
            option = "" if param is None else f"--{param.name}: "
            neither = "is neither 3d, 12h, 30m or 2w nor an ISO 8601 time"
            fail(f"{option}{str(value)[:40]!a} {neither}")


def moment(text: str, now: datetime) -> datetime:
    """Read a time.

    Raises:
        ValueError, OverflowError: it is none, or before the year 1970.
    """
    if (ago := _AGO.fullmatch(text)) is not None:
        found = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    else:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if found < BEGINNING:
        raise ValueError("before 1970")
    return found


def since_option(described: str, default: str | None = None) -> Callable[[Command], Command]:
    """Return the option `--since`; the help describes what happens without it."""
    return click.option(
        "--since",
        type=Moment(),
        default=default,
        metavar="TIME",
        help=f"3d, 12h, or ISO 8601 (UTC).  [default: {described}]",
    )


until_option = click.option(
    "--until",
    type=Moment(),
    metavar="TIME",
    help="The end of it, which does not belong to it.  [default: now]",
)


def check_order(since: datetime, until: datetime) -> None:
    """Stop the command if a period ends before it begins."""
    if until <= since:
        fail("--until: the period ends before it begins")
