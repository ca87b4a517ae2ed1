"""`python -m payments_kit.doubles.stripe`: the double as a process of its own."""

import argparse
import asyncio
import json
import os
import random
import signal
import stat
import sys
from pathlib import Path

from .app import Double
from .ledger import Ledger
from .running import running_stripe_double

PARENT_EVERY = 0.5


async def main() -> None:
    """Serve until told to end."""
    # Asked before the address is told: whoever hears it may be gone a moment later.
    parent = os.getppid()
    options = _options()
    ledger = Ledger(random=random.Random(options.seed))
    double = Double(ledger)
    async with running_stripe_double(double, port=options.port) as running:
        print(json.dumps({"url": running.url, "pid": os.getpid()}), flush=True)
        await _told_to_end(parent)
        if options.dump is not None:
            options.dump.write_text(json.dumps(ledger.summary(), indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m payments_kit.doubles.stripe", description=__doc__
    )
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--seed", type=int, default=None, help="for the same ids each time")
    parser.add_argument("--dump", type=Path, default=None, help="write the ledger here at the end")
    return parser.parse_args()


async def _told_to_end(parent: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if _stdin_is_held_by_somebody():
        loop.add_reader(0, lambda: None if os.read(0, 1024) else ended.set())
    while not ended.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(ended.wait(), PARENT_EVERY)
        except TimeoutError:
            continue
    if not ended.is_set():
        print("the parent has ended, and so does the Stripe double", file=sys.stderr)


def _stdin_is_held_by_somebody() -> bool:
    """A pipe whose end means that its holder has gone; a file, a terminal or nothing tells naught."""
    if sys.stdin is None:
        return False
    mode = os.fstat(0).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


if __name__ == "__main__":
    asyncio.run(main())
