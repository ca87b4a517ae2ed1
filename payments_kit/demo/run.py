"""Run the demo or its tour from start to end."""

import asyncio
import os
import shlex
import signal
import webbrowser
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from socket import socket
from typing import Any

from rich.console import Console

from payments_kit.demo.bank import open_bank, settle_debits
from payments_kit.demo.console import open_console, print_line
from payments_kit.demo.data_folder import lock_folder, open_data_folder
from payments_kit.demo.deployment import Deployment
from payments_kit.demo.gateway_choice import FAKE, gateway_environment, is_fake
from payments_kit.demo.orders_service import OrdersService
from payments_kit.demo.payments_client import PaymentsClient
from payments_kit.demo.shutdown import catch_stop, run_until_stopped
from payments_kit.demo.tour import take_tour
from payments_kit.demo.tour_methods import SHOP
from payments_kit.demo.web import open_listener, origins_of, port_of, serve_page

# As a shell reports a program that was ended by Ctrl-C: 128 plus the signal's number.
EXIT_INTERRUPTED = 128 + signal.SIGINT


def run_page(data: Path | None, port: int, open_browser: bool, show_servers: bool) -> int:
    """Start everything and serve the page until Ctrl-C; see `payments_kit.demo.run_demo`."""
    console = open_console()

    def demo() -> int:
        with (
            open_data_folder(data, lambda text: print_line(console, "yellow", text)) as folder,
            open_listener(port) as listener,
            Deployment(folder, console, _variables(listener)) as deployment,
        ):
            if folder is not None:
                print_line(console, "dim", f"All data is in {folder}")
            if show_servers:
                _print_servers(deployment, console)
            if port not in (port_of(listener), 0):
                print_line(console, "yellow", f"Port {port} is in use.")
            run_until_stopped(deployment, _serve(deployment, listener, open_browser, console))
        return 1

    return catch_stop(demo, console, exit_status=0)


def run_steps(data: Path | None) -> int:
    """Start everything and run the scripted tour; see `payments_kit.demo.run_tour`."""
    console = open_console()
    locked: AbstractContextManager[Path | None] = (
        nullcontext() if data is None else lock_folder(data.absolute())
    )

    def tour() -> int:
        if not is_fake(os.environ):
            print_line(console, "yellow", "The tour pays at the fake gateway only.")
        variables = {"PAYMENT_GATEWAY": FAKE, "RETURN_ORIGINS": SHOP}
        with locked as folder, Deployment(folder, console, variables) as deployment:
            return run_until_stopped(deployment, take_tour(deployment, console))

    return catch_stop(tour, console, exit_status=EXIT_INTERRUPTED)


async def _serve(
    deployment: Deployment, listener: socket, open_browser: bool, console: Console
) -> None:
    async with (
        open_bank(deployment.environment) as bank,
        OrdersService(deployment.nats.url) as orders,
        PaymentsClient(deployment.address, deployment.keys) as payments,
        serve_page(orders, payments, bank, listener),
    ):
        address = f"http://127.0.0.1:{port_of(listener)}"
        console.print(f"\nPay for an order at [bold]{address}[/]  (Ctrl-C ends the demo)")
        console.print(f"Operate it at [bold]{deployment.address}/ops[/]")
        print_line(console, "dim", f"Sign in there with the key {deployment.keys.operator_key}\n")
        if open_browser:
            await asyncio.to_thread(webbrowser.open, address)
        await _first_of(settle_debits(bank, orders), orders.run_until_failure())


def _variables(listener: socket) -> dict[str, str]:
    """Return the variables of the gateway; customers come back to the page."""
    return {**gateway_environment(os.environ), "RETURN_ORIGINS": ",".join(origins_of(listener))}


def _print_servers(deployment: Deployment, console: Console) -> None:
    """Print the addresses in a form that a shell and an environment file accept."""
    for name in ("DATABASE_URL", "NATS_URL"):
        print_line(console, "bold", f"{name}={shlex.quote(deployment.environment[name])}")


async def _first_of(*loops: Coroutine[Any, Any, None]) -> None:
    """Run loops that end only with an error, until one does; raise the error."""
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
