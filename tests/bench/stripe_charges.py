"""Charges through Stripe's API over HTTP against a stub, beside pgbench."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final

from payments_kit.servers.processes import free_port
from tests.bench.charges import CONNECTIONS, Charging
from tests.bench.lab import Lab
from tests.bench.pgbench import NAME, Floor
from tests.bench.plan import Plan
from tests.bench.results import Result
from tests.bench.stripe_stub import ask_double
from tests.system.deployment import STRIPE_KEY

# What is measured: its gateway and the card.
_WORKS: Final[Mapping[str, tuple[str, str]]] = {
    "charge through Stripe, charges": ("stripe-charges", "tok_visa"),
    "charge through Stripe, intents, pm_…": ("stripe-payment-intents", "pm_card_visa"),
    "charge through Stripe, intents, tok_… (two calls)": ("stripe-payment-intents", "tok_visa"),
}


def measure_stripe(lab: Lab, plan: Plan) -> list[Result]:
    """Measure charges through both of Stripe's APIs."""
    replies = lab.folder / "stripe.json"
    port = free_port()
    with lab.module("payments_kit.doubles.stripe", "--port", str(port), ready='"url"'):
        replies.write_text(json.dumps(ask_double(f"http://127.0.0.1:{port}", STRIPE_KEY)))
    floor = Floor.create(lab.database("floor"), lab.postgres_pid, lab.folder)
    with ExitStack() as stack:
        stub = stack.enter_context(lab.program("tests.bench.stripe_stub", str(replies)))
        settings = {
            "STRIPE_KEY": STRIPE_KEY,
            "STRIPE_API_BASE": f"http://127.0.0.1:{stub.port}",
        }
        charging = {}
        for gateway in ("stripe-charges", "stripe-payment-intents"):
            database = lab.database(gateway)
            serve = lab.serve(database, PAYMENT_GATEWAY=gateway, **settings)
            charging[gateway] = Charging(
                database,
                (stack.enter_context(serve),),
                lab.postgres_pid,
                plan.seconds,
                others={"stub": stub.pid},
            )
        works = {
            name: partial(charging[gateway].run, token) for name, (gateway, token) in _WORKS.items()
        }
        measured = plan.measure(
            "Stripe", {**works, NAME: lambda: floor.run(plan.seconds, CONNECTIONS)}
        )
    return [Result(measured[name], "charges/s", measured[NAME]) for name in _WORKS]
