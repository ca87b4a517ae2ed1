"""Run the Stripe double as a process of its own.

It prints one line, {"url": …, "pid": …}, and serves until SIGTERM or SIGINT, until its standard
input closes (if that is a pipe), or until its parent process ends.
"""

import asyncio
import json
import os
import random

from payments_kit.doubles.serving import print_line, process_options, until_stopped
from payments_kit.doubles.stripe.double import Double
from payments_kit.doubles.stripe.ledger import Ledger
from payments_kit.doubles.stripe.running import running_stripe_double


async def main() -> None:
    """Serve until a signal, the end of standard input, or the end of the parent process."""
    # Read before the address is printed: afterwards the parent may end at any time.
    parent = os.getppid()
    options = process_options("payments_kit.doubles.stripe", __doc__).parse_args()
    ledger = Ledger(random=random.Random(options.seed))  # noqa: S311 - ids, not secrets
    async with running_stripe_double(Double(ledger), port=options.port) as running:
        print_line(json.dumps({"url": running.url, "pid": os.getpid()}))
        await until_stopped(parent, "Stripe double")
        if options.dump is not None:
            options.dump.write_text(json.dumps(ledger.summary(), indent=2))


if __name__ == "__main__":
    asyncio.run(main())
