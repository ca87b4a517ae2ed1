"""Stop the demo after a signal, or after one of its processes has ended."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar

from rich.console import Console

from payments_kit.demo.broker import BrokerUnavailable
from payments_kit.demo.console import print_line
from payments_kit.demo.deployment import Deployment
from payments_kit.servers.processes import LocalServerError

Result = TypeVar("Result")

# How often to check that all processes run: soon enough to explain an error on the page.
CHECK_SECONDS: Final = 0.5
# Ctrl-C, and what a service manager sends. After any other end, the supervisors clean up.
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def catch_stop(work: Callable[[], int], console: Console, exit_status: int) -> int:
    """Return the exit status of the work, or `exit_status` if a signal stopped it.

    An error of a server or the broker is printed, and the exit status is 1.
    """
    handlers = {number: signal.signal(number, _interrupt) for number in STOP_SIGNALS}
    try:
        return work()
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return exit_status
    except (LocalServerError, BrokerUnavailable) as error:
        print_line(console, "red", str(error))
        return 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    _ignore_stop_signals()
    raise KeyboardInterrupt


def _ignore_stop_signals() -> None:
    """Ignore further signals, because the demo is stopping already."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def run_until_stopped(deployment: Deployment, work: Coroutine[Any, Any, Result]) -> Result:
    """Run the work in an event loop until it ends, a signal stops it, or a process ends.

    Raises:
        KeyboardInterrupt: a signal stopped it.
        LocalServerError: a process has ended; the message contains the end of its log.
    """
    try:
        return asyncio.run(_while_all_run(deployment, work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        _ignore_stop_signals()


async def _while_all_run(deployment: Deployment, work: Coroutine[Any, Any, Result]) -> Result:
    working = asyncio.ensure_future(work)
    checking = asyncio.ensure_future(_check(deployment))
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    try:
        await asyncio.wait([working, checking], return_when=asyncio.FIRST_COMPLETED)
        if checking.done():
            checking.result()
        return await working
    finally:
        working.cancel()
        checking.cancel()
        await asyncio.gather(working, checking, return_exceptions=True)


async def _check(deployment: Deployment) -> None:
    while True:
        failure = await asyncio.to_thread(deployment.find_failure)
        if failure is not None:
            raise LocalServerError(failure)
        await asyncio.sleep(CHECK_SECONDS)
