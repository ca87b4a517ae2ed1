"""Run the PayPal double as a process of its own.

It prints one line, {"url": …, "pid": …, "client_id": …, "client_secret": …}, and serves until
SIGTERM or SIGINT, until its standard input closes (if that is a pipe), or until its parent process
ends. GET /_double/root_certificate shows the root of the certificate that signs its webhooks.
"""

import asyncio
import json
import os
import random

from payments_kit.doubles.paypal.double import Double
from payments_kit.doubles.paypal.ledger import Ledger
from payments_kit.doubles.paypal.running import running_paypal_double
from payments_kit.doubles.paypal.tokens import CLIENT_ID, CLIENT_SECRET
from payments_kit.doubles.serving import print_line, process_options, until_stopped


async def main() -> None:
    """Serve until a signal, the end of standard input, or the end of the parent process."""
    # Read before the address is printed: afterwards the parent may end at any time.
    parent = os.getppid()
    options = process_options("payments_kit.doubles.paypal", __doc__).parse_args()
    ledger = Ledger(random=random.Random(options.seed))  # noqa: S311 - ids, not secrets
    async with running_paypal_double(Double(ledger), port=options.port) as running:
        started = {"url": running.url, "pid": os.getpid()}
        print_line(json.dumps(started | {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}))
        await until_stopped(parent, "PayPal double")
        if options.dump is not None:
            options.dump.write_text(json.dumps(ledger.summary(), indent=2))


if __name__ == "__main__":
    asyncio.run(main())
