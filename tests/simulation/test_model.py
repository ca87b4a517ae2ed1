"""The specification allows right histories, and reports each way to break a promise alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments_kit.simulation import model
from payments_kit.simulation.model.promises import broken_promises
from payments_kit.simulation.model.records import History
from tests.simulation.broken_declines import RIGHT_DECLINES
from tests.simulation.broken_disputes import RIGHT_DISPUTES
from tests.simulation.broken_histories import BROKEN
from tests.simulation.broken_reads import RIGHT_READS
from tests.simulation.broken_recordings import RECORDED
from tests.simulation.broken_refunds import RIGHT_REFUNDS
from tests.simulation.broken_refusals import RIGHT_REFUSALS
from tests.simulation.broken_steps import STEPS, broken_by
from tests.simulation.histories import RIGHT

SOURCES = sorted(Path(model.__path__[0]).glob("*.py"))


def ways_to_break_a_promise(of_steps: bool) -> Iterator[str]:
    """Yield the pattern of each violation that the specification can report."""
    for path in SOURCES:
        if path.stem.endswith("steps") is not of_steps:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Yield) and isinstance(node.value, ast.JoinedStr):
                yield "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*"
                    for part in node.value.values
                )


ALL_RIGHT = {
    **RIGHT,
    **RIGHT_DISPUTES,
    **RIGHT_REFUNDS,
    **RIGHT_REFUSALS,
    **RIGHT_DECLINES,
    **RIGHT_READS,
}


@pytest.mark.parametrize("name", ALL_RIGHT)
def test_nothing_is_reported_if_every_promise_is_kept(name: str) -> None:
    assert broken_promises(ALL_RIGHT[name]) == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_reported_alone_is(name: str) -> None:
    history, expected = BROKEN[name]
    found = broken_promises(history)
    unexpected = [each for each in found if not each.startswith(expected)]
    missing = [each for each in expected if not any(one.startswith(each) for one in found)]
    assert (unexpected, missing) == ([], [])


@pytest.mark.parametrize("of_steps", [False, True], ids=["at rest", "at a step"])
def test_a_history_breaks_each_promise_in_each_way(of_steps: bool) -> None:
    found = [each for history, _ in BROKEN.values() for each in broken_promises(history)]
    if of_steps:
        found = [each for step in STEPS.values() for each in broken_by(step)]
    ways = list(ways_to_break_a_promise(of_steps))
    missing = [way for way in ways if not any(re.fullmatch(way, each, re.DOTALL) for each in found)]
    assert len(ways) > 10
    assert missing == []


def test_an_order_whose_changes_are_recorded_breaks_nothing() -> None:
    assert broken_promises(RECORDED) == []


def test_an_empty_shop_breaks_nothing() -> None:
    assert broken_promises(History()) == []
