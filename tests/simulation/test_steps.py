"""What may not hold even for a moment is found at its commit, by reading only what changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.charges import LIVE, charged_at_most_once
from payments_kit.simulation.model.records import BookedOrder, BookedRefund, History
from payments_kit.simulation.model.refunds import refunds_are_within_the_charge
from payments_kit.simulation.model.steps import broken_by_commit, broken_in_order
from payments_kit.simulation.scenario import plain_scenario_of
from payments_kit.simulation.world import World
from tests.simulation.broken_steps import STEPS, broken_by
from tests.simulation.bug import Bug
from tests.simulation.histories import order, payment, refund
from tests.simulation.planted_bugs import bug_named
from tests.simulation.step_bugs import STEP_BUGS

STATUSES = (*sorted(LIVE), "failed", "abandoned", "cancelled", "reversed", "review")

# Which bug is planted, and what the step that it breaks is called.
AT_ONCE = {
    "two live payments": "1: order ",
    "a key per attempt": "1: payment ",
    "a cancel keeps the money": "4: ",
    "a timeout is a decline": "6: payment ",
    "the payer names the price": "7: payment ",
    "any user may pay": "8: ",
}

payments = st.builds(payment, st.integers(1, 3), st.sampled_from(STATUSES))
refunds = st.builds(
    BookedRefund,
    st.sampled_from(("r1", "r2", "r3")),
    st.sampled_from(("p1", "p2", "p3")),
    st.just("ch"),
    st.builds(Amount, st.sampled_from((1, 5_000, 10_000)), st.just("usd")),
    st.sampled_from(("pending", "succeeded", "failed")),
)


@st.composite
def orders(draw: st.DrawFn) -> BookedOrder:
    rows = draw(st.lists(payments, max_size=3, unique_by=lambda each: each.id))
    known = {each.id for each in rows}
    given_back = draw(st.lists(refunds, max_size=3, unique_by=lambda each: each.id))
    return order(
        *rows,
        refunds=tuple(each for each in given_back if each.payment_id in known),
        id=draw(st.sampled_from(("o1", "o2"))),
        status=draw(st.sampled_from(("created", "complete", "cancelled"))),
    )


@pytest.mark.parametrize("name", STEPS)
def test_what_a_step_breaks_is_reported_alone(name: str) -> None:
    step = STEPS[name]
    found = broken_by(step)
    assert len(found) == bool(step.broken)
    assert "".join(found).startswith(step.broken)


@given(st.lists(orders(), max_size=8))
def test_what_changed_alone_shows_what_is_broken_in_all_orders(commits: list[BookedOrder]) -> None:
    books, broken = dict[str, BookedOrder](), dict[str, set[str]]()
    for commit in commits:
        before, books[commit.id] = books.get(commit.id), commit
        broken[commit.id] = set(broken_in_order(commit))
        assert broken[commit.id] <= set(broken_by_commit(before, commit))
        # Payments have the same ids in both orders, so each order is looked at by itself.
        everything = [History(orders=[each]) for each in books.values()]
        found = {
            violation
            for history in everything
            for check in (charged_at_most_once, refunds_are_within_the_charge)
            for violation in check(history)
        }
        assert set().union(*broken.values()) == found


def test_after_a_loss_a_refund_may_be_restored_before_its_charge() -> None:
    claimed = order(payment(1, "processing"), status="created")
    early = order(payment(1, "processing"), refunds=(refund(),), status="created")
    assert [*broken_by_commit(claimed, early)]
    assert not [*broken_by_commit(claimed, early, has_lost_transactions=True)]
    too_much = order(payment(), refunds=(refund(), refund(2)))
    assert [*broken_by_commit(order(payment()), too_much, has_lost_transactions=True)]


def test_after_a_loss_an_approved_payment_may_be_restored_with_its_order() -> None:
    claimed = order(payment(1, "processing"), status="created")
    assert [*broken_by_commit(None, claimed)]
    assert not [*broken_by_commit(None, claimed, has_lost_transactions=True)]
    cancelled = order(status="cancelled")
    assert [*broken_by_commit(cancelled, claimed, has_lost_transactions=True)]


@given(orders())
def test_a_commit_that_changes_nothing_breaks_nothing_new(unchanged: BookedOrder) -> None:
    assert [*broken_by_commit(unchanged, unchanged)] == [*broken_in_order(unchanged)]


@pytest.mark.parametrize(("bug", "broken"), AT_ONCE.items())
def test_a_run_reports_at_the_step_that_breaks_it(bug: str, broken: str) -> None:
    assert is_found_at_a_step(bug_named(bug), broken)


@pytest.mark.parametrize("broken", STEP_BUGS)
def test_a_run_reports_at_a_step_what_its_end_does_not_show(broken: str) -> None:
    assert is_found_at_a_step(STEP_BUGS[broken], broken)


def is_found_at_a_step(bug: Bug, broken: str) -> bool:
    """Whether one of a hundred seeds finds a bug, at a step that breaks this."""
    with bug.planted():
        for seed in range(1, 101):
            world = World(plain_scenario_of(seed))
            world.run()
            if any(each.startswith(broken) for each in world.runtime.watch.broken):
                return True
    return False


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_run_checks_every_commit_and_capture(seed: int) -> None:
    world = World(plain_scenario_of(seed))
    world.run()
    booked = {name: row.version for name, row in world.runtime.watch._booked.items()}
    database = world.runtime.database.orders
    assert booked == {name: order.replica.version for name, (_, order) in database.items()}
