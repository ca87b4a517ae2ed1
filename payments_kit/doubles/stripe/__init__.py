"""A local HTTP double of the part of Stripe's API that our gateways use.

In a test: `async with running_stripe_double() as stripe:` has `stripe.url`, `.ledger`, `.faults`.
As a process: `python -m payments_kit.doubles.stripe --port 0` prints `{"url": …, "pid": …}` and serves
until its stdin closes, its parent ends or it gets SIGTERM; `/_double/…` controls it
(`routes_control.py`).
"""

from .app import Double
from .running import RunningDouble, running_stripe_double

__all__ = ["Double", "RunningDouble", "running_stripe_double"]
