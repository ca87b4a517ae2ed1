"""Many customers at once, with a gateway that needs as long as a real one."""

from functools import partial
from typing import Final

from attrs import evolve

from tests.bench.charges import Charging
from tests.bench.gateway import SECONDS
from tests.bench.lab import Lab
from tests.bench.load import MILLI
from tests.bench.plan import Plan
from tests.bench.results import Measured, Result, Sample

# How long a bank takes, in seconds; https://docs.stripe.com names no figure, and 300 ms is fast.
GATEWAY_SECONDS: Final = 0.3

_PAYERS: Final = (16, 256, 500)


def measure_slow_gateway(lab: Lab, plan: Plan) -> list[Result]:
    """Measure which share of the charges that the gateway allows is made."""
    database = lab.database("slow-gateway")
    with lab.serve(database, **{SECONDS: str(GATEWAY_SECONDS)}) as service:

        def charge(payers: int) -> Sample:
            charging = Charging(
                database,
                (service,),
                lab.postgres_pid,
                plan.seconds,
                connections=payers,
                spread=GATEWAY_SECONDS,
                # An overloaded service answers 202 or 503 in time.
                may_fail=True,
            )
            return _beyond_gateway(charging.run())

        measured = plan.measure(
            "slow gateway",
            {_name(payers): partial(charge, payers) for payers in _PAYERS},
        )
    return [
        Result(measured[_name(payers)], "charges/s", _allowed(payers, plan)) for payers in _PAYERS
    ]


def _beyond_gateway(sample: Sample) -> Sample:
    """Return the sample with what we add to the time of the gateway."""
    gateway = MILLI * GATEWAY_SECONDS
    details = {
        f"{name} beyond the gateway ms": sample.details[f"{name} ms"] - gateway
        for name in ("p50", "p99")
    }
    return evolve(sample, details={**details, "other replies": sample.details["other replies"]})


def _name(payers: int) -> str:
    return f"{payers} customers, gateway {MILLI * GATEWAY_SECONDS:.0f} ms"


def _allowed(payers: int, plan: Plan) -> Measured:
    """Return what would be possible if nothing but the gateway took time."""
    return Measured("what the gateway allows", [Sample(payers / GATEWAY_SECONDS)] * plan.rounds)
