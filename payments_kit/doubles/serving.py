"""A double as an HTTP server in the current event loop, or as a process of its own."""

import argparse
import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TextIO

from aiohttp import web

# A connection that a fault keeps open would otherwise delay the shutdown by a minute.
_SHUTDOWN_SECONDS: Final = 0.2
_PARENT_CHECK_SECONDS: Final = 0.5


@asynccontextmanager
async def serving(application: web.Application, *, host: str, port: int) -> AsyncIterator[str]:
    """Serve until the block ends, and yield the address; port 0 is any free port."""
    runner = web.AppRunner(
        application,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        handle_signals=False,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        name, bound = runner.addresses[0][:2]
        yield f"http://[{name}]:{bound}" if ":" in name else f"http://{name}:{bound}"
    finally:
        await runner.cleanup()


def process_options(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that all doubles have."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=int, default=0, help="the port to listen on; default: any free port"
    )
    parser.add_argument("--seed", type=int, help="make the sequence of ids repeatable")
    parser.add_argument(
        "--dump", type=Path, metavar="FILE", help="write all charges and refunds here at the end"
    )
    return parser


async def until_stopped(parent: int, name: str) -> None:
    """Wait for a signal, the end of standard input (if it is a pipe), or of the parent process."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if _stdin_is_a_pipe():
        loop.add_reader(0, lambda: None if os.read(0, 1024) else stopped.set())
    while not stopped.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stopped.wait(), _PARENT_CHECK_SECONDS)
        except TimeoutError:
            continue
    if not stopped.is_set():
        print_line(f"The parent process has ended; the {name} stops.", file=sys.stderr)


def print_line(line: str, file: TextIO | None = None) -> None:
    """Print a line for the process that has started this one."""
    print(line, flush=True, file=file)


def _stdin_is_a_pipe() -> bool:
    """Whether stdin can show that the process at its other end has ended."""
    if sys.stdin is None:
        return False
    mode = os.fstat(0).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
