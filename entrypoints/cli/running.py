"""Helpers for all commands: read the settings, run a coroutine, report an error in one line."""

import asyncio
import logging
import os
import pwd
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar

import click

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.settings import Settings, read_settings
from entrypoints.settings.oddities import find_oddities, find_unread_names

Result = TypeVar("Result")

# The exit status that shells report for a program which Ctrl-C ended: 128 + SIGINT.
INTERRUPTED: Final = 130


def import_structlog() -> None:
    """Import structlog without rich, which it would import for coloured logs: 0.05 s, 5 MB."""
    absent = "rich" not in sys.modules
    if absent:
        sys.modules["rich"] = None  # type: ignore[assignment]  # documented: it cannot be imported
    import structlog  # noqa: F401

    if absent:
        del sys.modules["rich"]


def settings_or_exit(*, http: bool = True) -> Settings:
    """Read the settings; exit with status 1 and one line for each problem if they are invalid.

    Args:
        http: whether the command checks users' tokens.
    """
    try:
        return read_settings(os.environ, http=http)
    except InvalidSetting as error:
        fail(*error.problems, *find_unread_names(os.environ))


def log_oddities(settings: Settings) -> None:
    """Log a warning for each setting that was probably meant otherwise."""
    import structlog

    logger = structlog.get_logger(__name__)
    for oddity in find_oddities(settings, os.environ):
        logger.warning("odd setting", problem=oddity)


def run(
    coroutine: Coroutine[Any, Any, Result],
    run_loop: Callable[[Coroutine[Any, Any, Result]], Result] = asyncio.run,
) -> Result:
    """Run a coroutine; exit with status 1 and one line if a dependency is unavailable."""
    from application.ports.event_publisher import BrokerUnavailable
    from application.ports.unit_of_work import StorageUnavailable

    # Without a handler, logging would print warnings to stderr, beside the one line of the error.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        return run_loop(coroutine)
    except InvalidSetting as error:
        fail(*error.problems)
    except (BrokerUnavailable, StorageUnavailable) as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def system_user() -> str:
    """Return the user of the operating system who runs this command, for histories."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run with an id that has no name
        return str(os.getuid())


def fail(*problems: str) -> NoReturn:
    """Print each problem in one line on stderr, and exit with status 1."""
    for problem in problems:
        click.echo(f"payments: {problem}", err=True)
    sys.exit(1)
