"""The output and the exit status of `payments simulate`."""

import re
import subprocess
import sys
from collections import Counter

import pytest
from click.testing import CliRunner

from payments_kit.simulation import rates, run
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.command import simulate
from payments_kit.simulation.console import NOT_PRINTED
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.seeds import SeedResult
from payments_kit.simulation.tally import Count, Tally
from tests.simulation.planted_bugs import bug_named

# A process takes twenty at once (payments_kit/simulation/seeds.py), so two have some.
SEEDS = 21


def test_seeds_that_keep_every_promise_end_with_0_and_the_speed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(seeds=5, first=3) == 0
    printed = capsys.readouterr().out
    for part in ("5 seeds from 3", "every promise was kept", "seeds/s", "hours were simulated"):
        assert part in printed


def test_several_processes_print_the_same_report(capsys: pytest.CaptureFixture[str]) -> None:
    def printed(jobs: int) -> str:
        assert run(seeds=SEEDS, first=3, jobs=jobs) == 0
        # Of the speed, only the virtual hours and the steps of a seed are the same.
        return re.sub(r"[\d.,]+( s,| seeds/s| steps/s| times)", r"\1", capsys.readouterr().out)

    assert printed(2) == printed(1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_time_ends_seeds_without_end(jobs: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(seeds=None, first=7, jobs=jobs, seconds=0.001) == 0
    assert "1 seed from 7" in capsys.readouterr().out


def test_a_long_run_without_some_fault_fails_and_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "LONG_RUN", 5)
    assert run(seeds=5) == 1
    printed = capsys.readouterr().out
    assert "every promise was kept" in printed
    never = re.search("These never occurred: (.*)", printed)
    assert never is not None
    named = {*never[1].rstrip(".").split("; ")}
    for kinds in (FaultKind, Activity):  # which of them, differs with each change of the seeds
        assert named & {each.value for each in kinds}
    assert printed.index("never occurred") < printed.index("injected faults")


def test_a_short_run_without_some_fault_names_it_and_ends_with_0(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(seeds=1) == 0
    assert "These never occurred: " in capsys.readouterr().out


def test_the_rate_is_the_part_of_the_seeds_in_which_a_fault_could_occur_and_did() -> None:
    crash, pause = FaultKind.CRASH, FaultKind.PAUSE
    tally = Tally()
    for seed, crashes in enumerate((3, 0, 0, 1)):
        happened = Counter({crash: crashes})
        could = frozenset({crash, pause} if seed < 3 else {crash})
        activities = Counter({Activity.PAYS: seed})
        tally.add(SeedResult(seed, False, happened, could, activities, 10, 1.0))
    assert tally.faults[crash] == Count(occurrences=4, seeds=2, possible=4)
    assert tally.faults[crash].rate == 0.5
    assert tally.faults[pause] == Count(occurrences=0, seeds=0, possible=3)
    assert tally.faults[FaultKind.REORDERED].rate == 0.0
    assert tally.activities[Activity.PAYS] == Count(occurrences=6, seeds=3, possible=4)
    assert FaultKind.PAUSE.value in tally.never()
    assert not {FaultKind.CRASH.value, Activity.PAYS.value} & set(tally.never())


@pytest.mark.parametrize("time", ["8", "0h", "1w", "-1s", "9999999s"])
def test_a_time_that_is_none_is_an_error_of_one_line(time: str) -> None:
    result = CliRunner().invoke(simulate, ["--for", time])
    assert result.exit_code == 2
    assert "is not a time such as 90s, 30m, 8h or 2d" in result.output


def test_one_seed_is_replayed_step_by_step_with_equal_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(seed=3) == 0
    first = capsys.readouterr().out
    assert "orders service  publishes order:created" in first
    assert "all faults stop" in first
    assert not [line for line in first.splitlines() if line != line.rstrip()]
    assert run(seed=3) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_broken_promise_ends_with_1_and_a_bug_report(
    jobs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with bug_named("any user may pay").planted():
        assert run(seeds=20, jobs=jobs) == 1
        printed = capsys.readouterr().out
        found = re.search(r"payments simulate --seed (\d+)", printed)
        assert found is not None
        assert run(seed=int(found[1])) == 1
        replayed = capsys.readouterr().out
    for text in (printed, replayed):
        for part in (
            *("a promise was broken", "  promise 8: ", "commit "),
            "The smallest run found that breaks it",
            "asks serve",
        ):
            assert part in text


@pytest.mark.parametrize("options", [["--seeds", "1"], ["--seed", "1"]])
def test_a_report_that_nobody_reads_is_no_broken_promise(options: list[str]) -> None:
    command = [sys.executable, "-m", "entrypoints.cli", "simulate", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == NOT_PRINTED
