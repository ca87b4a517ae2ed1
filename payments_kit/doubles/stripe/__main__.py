"""Run the Stripe double as a process of its own.

It prints one line, {"url": …, "pid": …}, and serves until SIGTERM or SIGINT, until its standard
input closes (if that is a pipe), or until its parent process ends.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import stat
import sys
from pathlib import Path
from typing import TextIO

from payments_kit.doubles.stripe.double import Double
from payments_kit.doubles.stripe.ledger import Ledger
from payments_kit.doubles.stripe.running import running_stripe_double

PARENT_CHECK_SECONDS = 0.5


async def main() -> None:
    """Serve until a signal, the end of standard input, or the end of the parent process."""
    # Read before the address is printed: afterwards the parent may end at any time.
    parent = os.getppid()
    options = _options()
    ledger = Ledger(random=random.Random(options.seed))  # noqa: S311 - ids, not secrets
    async with running_stripe_double(Double(ledger), port=options.port) as running:
        _print(json.dumps({"url": running.url, "pid": os.getpid()}))
        await _until_stopped(parent)
        if options.dump is not None:
            options.dump.write_text(json.dumps(ledger.summary(), indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m payments_kit.doubles.stripe",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=int, default=0, help="the port to listen on; default: any free port"
    )
    parser.add_argument("--seed", type=int, help="make the sequence of ids repeatable")
    parser.add_argument(
        "--dump", type=Path, metavar="FILE", help="write all charges and refunds here at the end"
    )
    return parser.parse_args()


async def _until_stopped(parent: int) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if _stdin_is_a_pipe():
        loop.add_reader(0, lambda: None if os.read(0, 1024) else stopped.set())
    while not stopped.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stopped.wait(), PARENT_CHECK_SECONDS)
        except TimeoutError:
            continue
    if not stopped.is_set():
        _print("The parent process has ended; the Stripe double stops.", file=sys.stderr)


def _stdin_is_a_pipe() -> bool:
    """Whether stdin can show that the process at its other end has ended."""
    if sys.stdin is None:
        return False
    mode = os.fstat(0).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _print(line: str, file: TextIO | None = None) -> None:
    print(line, flush=True, file=file)


if __name__ == "__main__":
    asyncio.run(main())
