"""The durations of the service fit together: each relation holds, and each number is in one."""

from itertools import chain
from pathlib import Path

import pytest

from tests.times.constants import Durations, durations, label
from tests.times.free import DOUBLED, FREE_SIDES, HALVED, WITHOUT_RELATION
from tests.times.relations import OTHERS, RELATIONS, TABLES, Expression

ALL = [Expression.of(text) for text, _ in RELATIONS]
NUMBERS = {label(each): each for each in durations() if each.has_number}


def broken(values: Durations) -> list[str]:
    names = OTHERS | values.names()
    return [each.text for each in ALL if not each.holds(names)]


def test_the_relations_hold() -> None:
    assert not broken(Durations(are_imported=True))
    assert not broken(Durations())


def test_a_duration_is_in_a_relation_or_there_is_a_reason_why_not() -> None:
    related = set(chain.from_iterable(each.names for each in ALL))
    assert not WITHOUT_RELATION - NUMBERS.keys(), "these do not exist"
    assert not WITHOUT_RELATION & related, "these have one"
    alone = NUMBERS.keys() - WITHOUT_RELATION - related
    unbound = [each for each in alone if not broken(Durations(NUMBERS[each], DOUBLED))]
    assert not unbound, "add them to tests/times/relations.py, or to tests/times/free.py"


@pytest.mark.parametrize("factor", [HALVED, DOUBLED])
def test_a_relation_breaks_if_a_number_is_changed_unless_that_does_no_harm(factor: float) -> None:
    unbound = {
        name
        for name, constant in NUMBERS.items()
        if name not in WITHOUT_RELATION and not broken(Durations(constant, factor))
    }
    assert unbound == {name for name, side in FREE_SIDES if side == factor}


def test_the_documentation_has_the_relations() -> None:
    tables = [
        "\n".join([f"**{title}**", "", "| relation | because |", "|---|---|", *map(row, relations)])
        for title, relations in TABLES.items()
    ]
    text = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    assert "\n\n".join(tables) in text, "\n\n".join(tables)


def row(relation: tuple[str, str]) -> str:
    text, because = relation
    return f"| `{text}` | {because} |"
