"""The sweep: one use case alone, with a crash at each step and a fault at each occasion."""

from datetime import timedelta
from itertools import count

import pytest

from tests.simulation.planted_bugs import bug_named
from tests.simulation.use_case_runs import (
    CAPTURES,
    CHARGES,
    INTAKE,
    RECOVERIES,
    REFUND,
    RELAY,
    RUNS,
    crashes,
    faults,
    recovery_after_crash,
)
from tests.simulation.use_case_world import CARDS, UseCaseRun, UseCaseWorld

# Bugs that need a crash at one certain step, and the run it belongs to.
AT_ONE_STEP = {
    "the event in a second commit": CHARGES[0],
    "a refund is sent unreserved": REFUND,
    "marked before published": RELAY,
    "acknowledged before the commit": INTAKE,
}

# The occasions of a fault in one run resemble each other: `make test` takes one in so many, from
# another one in each run, so that each fault and each step has its turn.
ONE_IN = 3


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancel what its customer does not authenticate after two minutes instead of an hour.

    An hour has 360 checks, one like the other, and nearly all of the time of such a run.
    """
    monkeypatch.setattr("domain.order_decisions.AUTHENTICATION_WINDOW", timedelta(minutes=2))


def name(value: object) -> str | None:
    return value.name if isinstance(value, UseCaseRun) else None


@pytest.mark.parametrize("run", [*RUNS, *RECOVERIES], ids=name)
def test_every_promise_is_kept_if_the_process_crashes_at_any_step_of(run: UseCaseRun) -> None:
    steps = set[int]()
    for step, result in crashes(run):
        assert result.broken == [], f"crash at step {step}"
        steps.add(step)
    assert len(steps) > 4, "the run has hardly any steps"


@pytest.mark.parametrize(("number", "run"), [*enumerate([*RUNS, *RECOVERIES])], ids=name)
def test_every_promise_is_kept_with_any_single_fault_in(number: int, run: UseCaseRun) -> None:
    occurrences = 0
    for fault, result in faults(run, ONE_IN, number):
        assert result.broken == [], fault
        occurrences += 1
    assert occurrences > 4


@pytest.mark.parametrize("run", [*CHARGES, REFUND, *CAPTURES], ids=name)
def test_every_promise_is_kept_with_any_crash_and_any_fault_in(run: UseCaseRun) -> None:
    for number, (fault, _) in enumerate(faults(run)):
        for step, result in crashes(run, fault, ONE_IN * 2, number):
            assert result.broken == [], f"crash at step {step}, {fault}"


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("is_cancelled", [False, True], ids=["", "cancelled"])
def test_every_promise_is_kept_if_a_charge_and_then_its_recovery_crash(
    card: str, is_cancelled: bool
) -> None:
    known = set[str]()
    for crash_at in count(1):
        run = recovery_after_crash(card, crash_at, is_cancelled=is_cancelled)
        world = UseCaseWorld(run)
        assert world.run().broken == [], run.name
        if world.state_before in known:
            continue  # a crash at another step has left the same state
        known.add(world.state_before)
        for step, result in crashes(run):
            assert result.broken == [], f"{run.name}, crash of the recovery at step {step}"
        if "crashed" not in world.state_before:
            break
    assert len(known) >= 5


@pytest.mark.parametrize(("bug", "run"), AT_ONE_STEP.items())
def test_the_sweep_finds_the_steps_at_which_a_crash_reveals_that(bug: str, run: UseCaseRun) -> None:
    with bug_named(bug).planted():
        broken = [step for step, result in crashes(run) if result.broken]
    assert broken
    assert 0 not in broken
