"""The guided search: what it learns, keeps, prints, and that it is the same search again."""

import os
import random
import re
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from payments_kit.simulation.command import simulate
from payments_kit.simulation.guided import search as search_module
from payments_kit.simulation.guided.corpus import (
    MAX_KEPT,
    Corpus,
    UnusableCorpus,
    read_corpus,
    write_corpus,
)
from payments_kit.simulation.guided.mutations import MAX_CHANGES, mutate
from payments_kit.simulation.guided.runs import GuidedRun, run_guided
from payments_kit.simulation.guided.search import ROUND, Search
from payments_kit.simulation.novelty import STATE
from payments_kit.simulation.recipe import recipe_of, scenario_from
from payments_kit.simulation.scenario import (
    Scenario,
    busy_scenario_of,
    delayed_scenario_of,
    plain_scenario_of,
)
from payments_kit.simulation.world import World
from tests.simulation.guided_runs import run_with
from tests.simulation.planted_bugs import bug_named

# An order is claimed in its run.
SEED = 3


@pytest.fixture
def small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a search choose fewer runs at once, because a run takes a while."""
    monkeypatch.setattr(search_module, "ROUND", 4)


def search_with(*options: str) -> Result:
    return CliRunner().invoke(simulate, ["--guided", *options])


def test_noting_what_a_run_reaches_does_not_change_it() -> None:
    world = World(plain_scenario_of(SEED))
    novelty = world.note_novelty()
    assert world.run().digest == World(plain_scenario_of(SEED)).run().digest
    novelty.finish(world.clients.replies)
    assert "payment >processing  by serve" in novelty.features
    assert all(0 <= change <= novelty.changes for change in novelty.features.values())


def test_a_run_reaches_the_same_again() -> None:
    first, again = run_guided(plain_scenario_of(SEED)), run_guided(plain_scenario_of(SEED))
    assert first.features == again.features
    assert first == again


def test_the_smallest_run_is_kept_for_each_feature() -> None:
    corpus = Corpus()
    large, small, other = (
        run_with({"a": 1, "b": 2}, steps=200),
        run_with({"a": 3}, 2, steps=100),
        run_with({"a": 4}, 3, steps=100),
    )
    for run in (large, small, other):
        corpus.add(run)
    assert corpus.smallest == {"a": small, "b": large}


@given(
    st.lists(st.tuples(st.frozensets(st.sampled_from("abcdefgh")), st.integers(1, 9)), max_size=12)
)
def test_the_best_runs_reach_everything_and_each_reaches_something_more(
    reached: list[tuple[frozenset[str], int]],
) -> None:
    corpus = Corpus()
    for seed, (features, steps) in enumerate(reached):
        corpus.add(run_with(dict.fromkeys(features, 1), seed, steps))
    seen, sizes = set[str](), list[int]()
    for run in corpus.best():
        sizes.append(len(run.features.keys() - seen))
        seen |= run.features.keys()
    assert seen == {each for features, _ in reached for each in features}
    assert 0 not in sizes
    assert sizes == sorted(sizes, reverse=True)
    assert len(corpus.best(1)) == min(1, len(seen))


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 40))
def test_mutations_are_recipes_with_few_changes(seed: int, moment: int) -> None:
    draw, run = random.Random(seed), run_with({"a": moment}, seed)
    for _ in range(30):
        scenario = mutate(run, moment, draw)
        assert len(scenario.placed) <= MAX_CHANGES
        assert len(scenario.branches) <= MAX_CHANGES
        assert scenario_from(recipe_of(scenario)) == scenario
        run = GuidedRun(scenario, run.result, run.features, run.changes, ("order1", "customer1.1"))


def fresh_scenario(seed: int) -> Scenario:
    return delayed_scenario_of(seed) if seed % 2 else busy_scenario_of(seed)


def test_known_scenarios_run_first_then_further_seeds_and_runs_near_others() -> None:
    known = [scenario_from("8,crash@3"), plain_scenario_of(9)]
    search = Search(100, known)
    first = search.next_round()
    assert first[:2] == known
    assert first[2:] == [fresh_scenario(seed) for seed in range(100, 100 + ROUND - 2)]
    search.learn(run_with({f"{STATE}a": 3}))
    second = search.next_round()
    fresh = [each for each in second if each == fresh_scenario(each.seed)]
    assert [each.seed for each in fresh if each.seed >= 100] == sorted(
        each.seed for each in fresh if each.seed >= 100
    )
    assert ROUND // 4 < len(fresh) < ROUND


def test_a_file_keeps_the_recipes(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    assert read_corpus(file) == []
    write_corpus(file, [plain_scenario_of(seed) for seed in (3, 1)])
    assert [each.seed for each in read_corpus(file)] == [3, 1]
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# a comment\n\n1,crash@2\n1,storm@2\n", "line 4: 'storm@2' is not a change of a run"),
        (b"\xff\n", "cannot be read: it is not UTF-8"),
        (b"1" * 10_000_001, "is larger than"),
    ],
)
def test_a_file_that_has_no_corpus_is_an_error_of_one_line(
    content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "c"
    file.write_bytes(content)
    with pytest.raises(UnusableCorpus, match=re.escape(message)):
        read_corpus(file)
    result = search_with("--corpus", str(file), "--seeds", "1")
    assert result.exit_code == 2
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_written_is_an_error_before_the_search(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "corpus.txt"
    result = search_with("--corpus", str(missing), "--seeds", "1")
    assert result.exit_code == 2
    assert f"{missing} cannot be written: No such file or directory" in result.output
    assert "features" not in result.output


def test_a_device_is_not_read_as_a_corpus() -> None:
    result = search_with("--corpus", os.devnull, "--seeds", "1")
    assert result.exit_code == 2
    assert "is not a regular file" in result.output


def test_a_search_that_ends_early_keeps_the_recipes_that_it_did_not_try(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    write_corpus(file, [plain_scenario_of(seed) for seed in (5, 4, 3)])
    assert search_with("--corpus", str(file), "--seeds", "1").exit_code == 0
    assert [each.seed for each in read_corpus(file)] == [5, 4, 3]


@pytest.mark.parametrize(
    "options",
    [
        *(["--guided", "--seed", "1"], ["--guided", "--replay", "1"], ["--guided", "--coverage"]),
        *(["--corpus", "c"], ["--seed", "1", "--replay", "1"]),
        *(["--seed", "1", "--seeds", "2"], ["--replay", "1", "--for", "1s"]),
    ],
)
def test_options_that_exclude_each_other_are_an_error(options: list[str]) -> None:
    assert CliRunner().invoke(simulate, options).exit_code == 2


@pytest.mark.usefixtures("small_rounds")
def test_a_search_is_the_same_with_any_number_of_processes_and_keeps_what_it_reached(
    tmp_path: Path,
) -> None:
    printed, kept = list[str](), list[str]()
    for jobs in (1, 2):
        file = tmp_path / f"{jobs}"
        result = search_with("--seeds", "14", "--jobs", f"{jobs}", "--corpus", str(file))
        assert result.exit_code == 0, result.output
        output = result.output.replace(str(file), "the file")
        printed.append(re.sub(r"[\d.]+( s,| runs/s)", r"\1", output))
        kept.append(file.read_text())
    assert printed[0] == printed[1]
    assert kept[0] == kept[1]
    assert 5 < len(read_corpus(tmp_path / "1")) <= 14 < MAX_KEPT


def test_a_bug_is_reported_with_the_command_that_replays_it() -> None:
    with bug_named("any user may pay").planted():
        found = search_with("--seeds", "200", "--first", "3")
        assert found.exit_code == 1
        lines = found.output.splitlines()
        command = lines[lines.index("To repeat the smallest run:") + 1].split()
        replayed = CliRunner().invoke(simulate, command[2:])
    assert replayed.exit_code == 1
    assert "8: " in replayed.output


@pytest.mark.usefixtures("small_rounds")
def test_a_time_ends_a_search_after_a_round() -> None:
    result = search_with("--for", "1s", "--first", "3")
    assert result.exit_code == 0
    assert re.search(r"\d+ runs from seed 3", result.output)


def test_seeds_that_were_used_are_not_used_again() -> None:
    search = Search(5)
    rounds = search.next_round() + search.next_round()
    assert [each.seed for each in rounds] == [*islice(range(5, 100), 2 * ROUND)]
