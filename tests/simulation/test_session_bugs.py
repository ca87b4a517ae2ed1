"""Worlds in which every customer approves first keep the promises, and find each planted bug."""

import pytest

from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.world import RunResult, World
from tests.simulation.bug import Bug
from tests.simulation.session_bugs import SESSION_BUGS

RATES = {
    FaultKind.PAYS_BY_SESSION: 1.0,
    FaultKind.GATEWAY_REPLY_LOST: 0.05,
    FaultKind.COMMITTED_THEN_GONE: 0.02,
    FaultKind.CRASH: 0.003,
}
MAX_SEEDS = 60


def run(seed: int) -> RunResult:
    """Return a run whose customers only pay by session, and whose orders are often cancelled."""
    return World(Scenario(seed, cancels=0.8, manual=(0.0, 0.5)[seed % 2], rates=RATES)).run()


def test_every_promise_is_kept_if_every_customer_approves_first() -> None:
    happened = 0
    for seed in range(1, 21):
        result = run(seed)
        assert result.broken == [], f"seed {seed}"
        happened += sum("asks the gateway: take" in line.what for line in result.lines)
    assert happened


@pytest.mark.parametrize("bug", SESSION_BUGS, ids=lambda bug: bug.name)
def test_the_simulation_finds(bug: Bug) -> None:
    with bug.planted():
        assert any(run(seed).broken for seed in range(1, MAX_SEEDS + 1))
