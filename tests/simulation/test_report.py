"""What `payments simulate` prints and how it ends."""

import pytest

from payments_kit.simulation import run
from tests.simulation.planted_bugs import BUGS


def test_good_seeds_end_with_0_and_their_speed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(seeds=5, first=3) == 0
    printed = capsys.readouterr().out
    assert "5 seeds from 3" in printed
    assert "every promise was kept" in printed
    assert "seeds/s" in printed
    assert "hours were simulated" in printed


def test_one_seed_is_replayed_with_who_did_what_when(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(seed=3) == 0
    first = capsys.readouterr().out
    assert "orders side     publishes order:created" in first
    assert "everything is healed" in first
    assert run(seed=3) == 0
    assert capsys.readouterr().out == first


def test_a_broken_promise_ends_with_1_and_a_bug_report(capsys: pytest.CaptureFixture[str]) -> None:
    bug = next(each for each in BUGS if each.name == "anybody may pay")
    with bug.planted():
        assert run(seeds=20) == 1
    printed = capsys.readouterr().out
    assert "a promise was broken" in printed
    assert "8: " in printed
    assert "commit " in printed
    assert "The shortest run that breaks it" in printed
    assert "asks serve" in printed
    assert "payments simulate --seed" in printed
