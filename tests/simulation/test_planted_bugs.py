"""The simulation finds each planted bug within a limited number of seeds."""

import inspect

import pytest

from payments_kit.simulation.shrink import shrink
from payments_kit.simulation.world import World
from tests.simulation.bug import Bug
from tests.simulation.planted_bugs import BUGS, MAX_SEEDS, bug_named, seeds_to_find

# Seeds that find the bugs that others do not find within five seeds. A change of the simulation
# makes each seed another run: then the search goes on from here, and this may be renewed with the
# first seeds plus the numbers that `python -m tests.simulation.planted_bugs` prints.
FOUND_AT = {
    "a key per attempt": 7,
    "a timeout is a decline": 7,
    "unknown is reported as unavailable": 7,
    "a 201 before the commit": 8,
    "a cancel ignores what is in flight": 12,
    "a late capture is ignored": 63,
    "a lost claim is not settled": 8,
    "the books are not compared": 73,
    "a lost payment is another's": 73,
    "a lost payment is always kept": 138,
    "books that are behind are trusted": 295,
    "the mark before the list": 202,
    "refunds of others are not looked for": 42,
    "a second charge is ignored": 20,
    "what was never sent has failed": 10,
    "recovery charges again": 12,
    "an abandoned payment is never checked": 186,
    "an unknown outcome is checked once": 6,
    "a timer ends what is pending": 15,
    "what is pending is never checked": 73,
    "a refused cancellation is believed": 15,
    "cancelled without the gateway": 15,
    "a lost refund is another's": 42,
    "a refund key per send": 19,
    "a cancel keeps the money": 17,
    "a key after the claim": 214,
    "a reply before its commit": 50,
    "marked before published": 11,
    "a window is marked whatever is stored": 76,
    "not set back to where the books end": 13,
    "a complete order is never cancelled": 8,
    "the payer names the price": 21,
    "failures are published later": 7,
    "claimed before the amount is compared": 21,
    "a history after the commit": 8,
    "the rest is captured too": 17,
    "a larger shipment is captured": 86,
    "the released rest is a refund": 17,
    "voided without the gateway": 87,
    "a cancelled order keeps its hold": 12,
    "the hold of an abandoned payment": 36,
    "a hold is never checked": 64,
    "expiring at any time": 11,
    "announced although released": 12,
    "an end is not announced": 64,
    "a void is not published": 11,
    "every step goes to the first gateway": 15,
    "another gateway is tried if the outcome is unknown": 55,
    "only the first state of a dispute is told": 7,
    "the last report of a dispute wins": 76,
    "a dispute of an unknown charge is dropped": 2398,
    "a dispute with a new status is refused": 22,
    "no dispute is missed": 14,
    "a lost dispute reverses the payment": 8,
    "the time for evidence is forgotten": 7,
    "money that is taken back is told twice": 53,
    "each report of others is another refund": 7,
    "a refund that has succeeded never fails": 24,
    "a returned refund is not told": 24,
    "nothing follows a refund that failed": 14,
    "nobody misses a refund": 19,
    "a refund takes the id of the failed one": 38,
    "less is accepted": 50,
    "anybody reads a payment": 8,
    "a read says paid too early": 26,
    "an event that was rejected counts as sent": 196,
    "an event that fails is acknowledged": 46,
    "a gateway's clock is the database's": 3893,
    "a stranger learns what is paid": 7,
    "what never arrived blocks its order": 10,
}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_takes_what_the_right_code_takes(bug: Bug) -> None:
    """Else its first call fails, which every test finds, and which shows nothing."""
    right = getattr(bug.owner, bug.attribute)
    if not callable(right):
        return  # a property or a constant
    with bug.planted():
        wrong = getattr(bug.owner, bug.attribute)
    taken, given = ([*inspect.signature(each).parameters.values()] for each in (wrong, right))
    kinds = [each.kind for each in taken]
    names = {each.name for each in taken}
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        assert sum(map(_is_positional, taken)) >= sum(map(_is_positional, given))
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        assert {each.name for each in given if not _is_positional(each)} <= names


def _is_positional(parameter: inspect.Parameter) -> bool:
    return parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_simulation_finds(bug: Bug) -> None:
    tried, result = seeds_to_find(bug, FOUND_AT.get(bug.name, bug.first))
    if result is None:
        tried, result = seeds_to_find(bug, bug.first)
    print(f"{bug.name}: {tried} seeds")
    assert result is not None, f"not found in {MAX_SEEDS} seeds"
    # A bug that does not fit the code any more is found by its first call, which shows nothing.
    assert not any("TypeError" in each for each in result.broken)


def test_a_failing_run_shrinks_to_a_smaller_one_that_breaks_the_same_promise() -> None:
    bug = bug_named("a timeout is a decline")
    _, failing = seeds_to_find(bug, first=60)  # a large run
    assert failing is not None
    with bug.planted():
        smallest = shrink(failing)
        again = World(smallest.scenario).run()
    assert smallest.broken
    assert len(smallest.names) < len(failing.names)
    assert len(smallest.occurrences) < len(failing.occurrences) / 4
    assert again == smallest
