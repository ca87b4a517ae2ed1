"""What the commands `payments stripe-double` and `payments paypal-double` have in common."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import click

Command = TypeVar("Command", bound=Callable[..., Any])

# Ctrl-C and a supervisor's stop are the ordinary end of a double.
_STOPS: Final = (signal.SIGTERM, signal.SIGINT)


class WebAddress(click.ParamType[str]):
    """An absolute http or https address."""

    name = "URL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address without a slash at its end."""
        try:
            parts = urlsplit(value)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_address = False
        if not is_address:
            self.fail(f"{value!r} is not an http address", param, ctx)
        return value.rstrip("/")


def double_options(port: int, webhooks: str) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of every double."""
    options = [
        click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen."),
        click.option(
            "--port",
            default=port,
            show_default=True,
            type=click.IntRange(0, 65535),
            help="The port; 0 is any free one.",
        ),
        click.option(
            "--public-url",
            type=WebAddress(),
            help="How customers and services reach it, for the links that it sends, such as the"
            " name of a container.  [default: the address where it listens]",
        ),
        click.option(
            "--webhook-url",
            type=WebAddress(),
            help=f"Send webhooks there, such as http://localhost:3000{webhooks}.",
        ),
        click.option(
            "--seed", type=int, help="Make the sequence of ids repeatable, for examples and tests."
        ),
    ]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def run(double: Callable[[asyncio.Event], Awaitable[None]], port: int) -> None:
    """Run a double until a signal stops it; a port that is taken is one line, and exit status 1."""

    async def until_stopped() -> None:
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in _STOPS:
            loop.add_signal_handler(number, stopped.set)
        await double(stopped)

    try:
        asyncio.run(until_stopped())
    except OSError as error:
        problem = error.strerror or str(error)
        click.echo(f"payments: cannot listen on port {port}: {problem}", err=True)
        sys.exit(1)


def print_start(name: str, url: str, settings: dict[str, str]) -> None:
    """Print where a double is, and the variables that point a service at it."""
    click.echo(f"{name} double: {url}  (it keeps its state until it is stopped; Ctrl-C)")
    click.echo("Point a service at it:")
    click.echo("  export " + " ".join(f"{key}={value}" for key, value in settings.items()))
    click.echo(f"Control it, as docs/doubles.md explains: curl {url}/_double/")
