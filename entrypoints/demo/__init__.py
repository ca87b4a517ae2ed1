"""`payments demo`: the whole shop on one machine, to be tried by hand or shown by a script."""

import asyncio
import signal
import sys
import webbrowser
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from rich.console import Console
from rich.markup import escape

from entrypoints.demo.folder import data_folder, hold
from entrypoints.demo.front import Authenticate, serving
from entrypoints.demo.orders import BrokerAway, OrdersSide
from entrypoints.demo.service import PaymentsService
from entrypoints.demo.shop import Shop
from entrypoints.demo.tour import take_tour
from entrypoints.local.processes import LocalServerError
from entrypoints.settings import read_settings

Result = TypeVar("Result")

# How often to look whether all processes live: soon enough to tell why a page fails.
WATCH_SECONDS: Final = 0.5
# A table needs some room where there is no terminal that would say how wide it is.
PLAIN_WIDTH: Final = 120
# A closed terminal and a service manager mean the same as Ctrl-C.
STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_demo(data: Path | None, port: int, open_browser: bool) -> int:
    """Start everything, serve the page and go on until Ctrl-C; the exit status.

    Args:
        data: where the data is kept; None for `.payments-demo` in the current folder.
        port: where the page is served; another one where this is taken.
        open_browser: whether to open the page.
    """
    console = _console()

    def demo() -> int:
        with (
            data_folder(data, lambda note: console.print(f"[yellow]{note}[/]")) as folder,
            Shop(folder, console) as shop,
        ):
            _finish(shop, _serve_page(shop, port, open_browser, console))
        return 1

    return _run(demo, console, interrupted=0)


def run_tour(data: Path | None) -> int:
    """Start everything, go through the contract step by step, print a table; the exit status.

    Args:
        data: where the data is kept; None for temporary folders, which leave nothing behind.
    """
    console = _console()

    def tour() -> int:
        with _held(data) as folder, Shop(folder, console) as shop:
            return _finish(shop, take_tour(shop, _authenticate(shop), console))

    # As a shell reports a program that Ctrl-C ended: 128 and the signal's number.
    return _run(tour, console, interrupted=128 + signal.SIGINT)


def _run(work: Callable[[], int], console: Console, interrupted: int) -> int:
    """Do the work; being told to stop is a clean end of it."""
    before = {each: signal.signal(each, _stop) for each in STOPS}
    try:
        return work()
    except KeyboardInterrupt:
        console.print("\nStopped, goodbye.")
        return interrupted
    except (LocalServerError, BrokerAway) as error:
        console.print(f"[red]{escape(str(error))}[/]")
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


def _finish(shop: Shop, work: Coroutine[Any, Any, Result]) -> Result:
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
        complaint = await asyncio.to_thread(shop.complaint)
        if complaint is not None:
            raise LocalServerError(complaint)
        await asyncio.sleep(WATCH_SECONDS)


@contextmanager
def _held(data: Path | None) -> Iterator[Path | None]:
    if data is None:
        yield None
        return
    with hold(data.absolute()) as folder:
        yield folder


async def _serve_page(shop: Shop, port: int, open_browser: bool, console: Console) -> None:
    async with (
        OrdersSide(shop.nats.url) as orders,
        PaymentsService(shop.address, shop.keys) as payments,
        serving(orders, payments, _authenticate(shop), port) as served,
    ):
        address = f"http://127.0.0.1:{served}"
        if served != port:
            console.print(f"[yellow]Port {port} is taken.[/]")
        console.print(f"\nPay for an order at [bold]{address}[/]  (Ctrl-C ends the demo)\n")
        if open_browser:
            await asyncio.to_thread(webbrowser.open, address)
        await orders.run()


def _authenticate(shop: Shop) -> Authenticate:
    async def authenticate(payment_id: str, succeeded: bool) -> None:
        from entrypoints.composition.demo import complete_authentication

        await complete_authentication(read_settings(shop.environment), payment_id, succeeded)

    return authenticate


def _console() -> Console:
    # A terminal without some sign is no reason to fail.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)
