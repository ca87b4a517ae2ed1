"""Each planted bug is found by a named test, too, which needs no luck."""

from pathlib import Path

import pytest

from tests.depth import IS_DEEP
from tests.simulation.bug import Bug, named_tests
from tests.simulation.named_tests import ROOT, by_closeness, failing
from tests.simulation.planted_bugs import BUGS
from tests.simulation.test_planted_bugs import FOUND_AT

MANY = 100
"""Seeds may miss a bug that so many are needed for."""

TRIED = [bug for bug in BUGS if IS_DEEP or FOUND_AT.get(bug.name, bug.first) > MANY]


def test_each_bug_has_one_that_exists() -> None:
    tests = named_tests()
    assert [*tests] == [bug.name for bug in BUGS]
    for each in tests.values():
        path, _, name = each.partition("::")
        assert f"def {name}(" in Path(ROOT, path).read_text()


@pytest.mark.parametrize("bug", TRIED, ids=lambda bug: bug.name)
def test_it_fails_with_the_bug(bug: Bug) -> None:
    test = named_tests()[bug.name]
    assert failing(bug.name, test) == [test]


def test_those_with_similar_names_come_first() -> None:
    tests = ["test_a.py::test_nothing_is_charged", "test_b.py::test_a_user_may_not_pay"]
    assert by_closeness("any user may pay", tests) == [*reversed(tests)]
    assert by_closeness("another charge", tests) == tests
