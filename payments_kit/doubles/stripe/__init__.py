"""A local HTTP double of the part of Stripe's API that our gateway adapters use.

It imitates charges, PaymentIntents, refunds, PaymentMethods, tokens, confirmation tokens, disputes,
balance transactions, payouts, events and webhooks, with Stripe's test cards, error bodies and
idempotency keys (https://docs.stripe.com/api).

In a test: `async with running_stripe_double() as stripe:`; see RunningDouble for what it offers.
As a process: `python -m payments_kit.doubles.stripe`; the control API under `/_double/`
(routes_control.py) adds faults and acts as the bank and the customer.
"""

from payments_kit.doubles.stripe.double import Double
from payments_kit.doubles.stripe.running import RunningDouble, running_stripe_double

__all__ = ["Double", "RunningDouble", "running_stripe_double"]
