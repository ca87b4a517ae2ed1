"""`payments demo`: the whole shop on one machine, to be tried by hand or shown by a script."""

import asyncio
import signal
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from entrypoints.settings import read_settings
from payments_kit.demo.folder import data_folder, hold
from payments_kit.demo.orders import OrdersSide
from payments_kit.demo.service import PaymentsService
from payments_kit.demo.shop import Shop
from payments_kit.demo.stopping import finish, say, stoppable
from payments_kit.demo.tour import take_tour
from payments_kit.demo.web import Authenticate, serving

# A table needs some room where there is no terminal that would say how wide it is.
PLAIN_WIDTH: Final = 120


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
            data_folder(data, lambda note: say(console, "yellow", note)) as folder,
            Shop(folder, console) as shop,
        ):
            if folder is not None:
                say(console, "dim", f"Everything is kept in {folder}")
            finish(shop, _serve_page(shop, port, open_browser, console))
        return 1

    return stoppable(demo, console, interrupted=0)


def run_tour(data: Path | None) -> int:
    """Start everything, go through the contract step by step, print a table; the exit status.

    Args:
        data: where the data is kept; None for temporary folders, which leave nothing behind.
    """
    console = _console()

    def tour() -> int:
        with _held(data) as folder, Shop(folder, console) as shop:
            return finish(shop, take_tour(shop, _authenticate(shop), console))

    # As a shell reports a program that Ctrl-C ended: 128 and the signal's number.
    return stoppable(tour, console, interrupted=128 + signal.SIGINT)


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
        if port not in (served, 0):
            say(console, "yellow", f"Port {port} is taken.")
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
