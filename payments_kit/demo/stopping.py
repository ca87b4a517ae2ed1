"""How the demo ends: told to by a signal, or because something it needs has died."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar

from rich.console import Console
from rich.markup import escape

from payments_kit.demo.orders import BrokerAway
from payments_kit.demo.shop import Shop
from payments_kit.servers.processes import LocalServerError

Result = TypeVar("Result")

# How often to look whether all processes live: soon enough to tell why a page fails.
WATCH_SECONDS: Final = 0.5
# Ctrl-C, and what a service manager sends. Any other end is the supervisors' to clean up after.
STOPS: Final = (signal.SIGINT, signal.SIGTERM)


def stoppable(work: Callable[[], int], console: Console, interrupted: int) -> int:
    """Do the work and give its exit status, or `interrupted` where it was told to stop."""
    before = {each: signal.signal(each, _stop) for each in STOPS}
    try:
        return work()
    except KeyboardInterrupt:
        console.print("\nStopped, goodbye.")
        return interrupted
    except (LocalServerError, BrokerAway) as error:
        say(console, "red", str(error))
        return 1
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _stop(_signal: int, _frame: object) -> NoReturn:
    _put_away_in_peace()
    raise KeyboardInterrupt


def _put_away_in_peace() -> None:
    """Hear no further request to stop: what follows is the stopping."""
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)


def finish(shop: Shop, work: Coroutine[Any, Any, Result]) -> Result:
    """Run this in an event loop until it is done, or told to stop, or a process has died.

    Raises:
        KeyboardInterrupt: it was told to stop.
        LocalServerError: what has died, and the last it said.
    """
    try:
        return asyncio.run(_while_all_live(shop, work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        _put_away_in_peace()


async def _while_all_live(shop: Shop, work: Coroutine[Any, Any, Result]) -> Result:
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_watch(shop))
    for each in STOPS:
        asyncio.get_running_loop().add_signal_handler(each, working.cancel)
    try:
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
        return await working
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _watch(shop: Shop) -> None:
    while True:
        detail = await asyncio.to_thread(shop.detail)
        if detail is not None:
            raise LocalServerError(detail)
        await asyncio.sleep(WATCH_SECONDS)


def say(console: Console, colour: str, text: str) -> None:
    """Print a text as it is, on one line however long."""
    console.print(f"[{colour}]{escape(text)}[/]", soft_wrap=True)
