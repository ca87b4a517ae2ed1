"""A recipe is a run as a text; its changes leave what was decided before as it was."""

from itertools import takewhile

import pytest
from attrs import evolve
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from payments_kit.simulation.command import simulate
from payments_kit.simulation.faults import AT_ONCE, FaultKind, FaultOccurrence, PlacedFault
from payments_kit.simulation.late_faults import ANYWHERE
from payments_kit.simulation.recipe import MAX_LENGTH, InvalidRecipe, recipe_of, scenario_from
from payments_kit.simulation.report import command_of
from payments_kit.simulation.scenario import Scenario, plain_scenario_of
from payments_kit.simulation.streams import LOOP, Branch
from payments_kit.simulation.world import RunResult, World
from tests.simulation.planted_bugs import bug_named

SEED = 8
SEED_WITH_LATENCY = 3

kinds = st.sampled_from(FaultKind)
numbers = st.integers(0, 5000)
names = st.sampled_from((LOOP, "customer1.1", "customer2.1 wavers", "orders", "GATEWAY_SLOW"))
occurrences = st.builds(FaultOccurrence, kinds, st.integers(1, 99))

scenarios = st.builds(
    Scenario,
    seed=st.integers(0, 2**60),
    orders=st.integers(1, 6),
    burst=st.booleans(),
    latency=st.sampled_from((0.0, 0.02, 1.0)),
    webhooks=st.booleans(),
    rates=st.dictionaries(kinds, st.sampled_from((0.0, 0.003, 0.6)), max_size=5),
    absent=st.frozensets(st.sampled_from(("order1", "customer2.1"))),
    suppressed=st.frozensets(occurrences, max_size=3),
    only=st.none() | st.frozensets(occurrences, max_size=3),
    placed=st.lists(st.builds(PlacedFault, kinds, numbers, numbers), max_size=3).map(tuple),
    branches=st.lists(st.builds(Branch, names, numbers, numbers), max_size=3).map(tuple),
)


@given(scenarios)
def test_a_recipe_is_read_as_the_scenario_that_it_was_written_of(scenario: Scenario) -> None:
    assert scenario_from(recipe_of(scenario)) == scenario


def test_the_recipe_of_a_seed_is_its_number() -> None:
    assert recipe_of(plain_scenario_of(4711)) == "4711"
    assert command_of(plain_scenario_of(4711)) == "payments simulate --seed 4711"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-1",
            "x",
            "1,",
            "1,orders=0",
            "1,orders=99",
            "1,orders=x",
            "1,colour=1",
            "1,crash@2,busy",
            "1,busy,delayed",
            "1,crash=2",
        ),
        *("1,crash@", "1,crash@-1", "1,crash@99999999", "1,storm@1", "1,loop:1", "1,loop:1~x"),
        *("1,webhooks=1", "1,storm#1", "1,latency=nan", "1,seconds=1e99", "1" * MAX_LENGTH),
        "1," * MAX_LENGTH,
    ],
)
def test_a_text_that_is_no_recipe_is_an_error(text: str) -> None:
    with pytest.raises(InvalidRecipe) as error:
        scenario_from(text)
    assert len(str(error.value)) < 100
    result = CliRunner().invoke(simulate, ["--replay", text])
    assert result.exit_code == 2
    assert "the recipe is not usable" in result.output.replace("\n│", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,orders=99", "'orders=99' is not from 1 to 20"),
        ("1,crash=2", "'crash=2' is not from 0 to 1"),
        ("1,crash@2,busy", "'busy' can only follow the seed, as the first change"),
        ("1,colour=1", "'colour=1' is not a change of a run; docs/proof.md lists them"),
    ],
)
def test_the_error_of_a_recipe_says_what_is_possible(text: str, message: str) -> None:
    with pytest.raises(InvalidRecipe) as error:
        scenario_from(text)
    assert str(error.value) == message


def run_of(recipe: str) -> RunResult:
    return World(scenario_from(recipe)).run()


@pytest.mark.parametrize("kind", FaultKind)
def test_a_placed_fault_occurs_where_it_is_placed(kind: FaultKind) -> None:
    scenario = evolve(plain_scenario_of(SEED), rates={}, placed=(PlacedFault(kind, 3),))
    happened = World(scenario).run().happened
    # The others need an occasion that this run has not after its third change.
    if kind in AT_ONCE or kind in (FaultKind.PAUSE, FaultKind.CONNECTION_GONE):
        assert happened == {kind: 1}
    assert set(happened) <= {kind}


def test_a_placed_fault_leaves_what_was_before_as_it_was() -> None:
    plain, changed = run_of(f"{SEED}"), run_of(f"{SEED},crash-anywhere@5")
    crash = next(index for index, line in enumerate(changed.lines) if line not in plain.lines)
    assert changed.lines[:crash] == plain.lines[:crash]
    assert "crash at any await" in changed.lines[crash].what


def test_a_branch_of_the_schedule_leaves_what_was_before_as_it_was() -> None:
    plain = run_of(f"{SEED_WITH_LATENCY}")
    recipes = [f"{SEED_WITH_LATENCY},loop:{more}" for more in ("5~1", "5~2", "15~1")]
    runs = [run_of(recipe) for recipe in recipes]
    same = [_common_beginning(plain, run) for run in runs]
    assert len({run.digest for run in (plain, *runs)}) == 4
    assert 0 < same[0] < same[2]
    assert run_of(recipes[0]).digest == runs[0].digest


def _common_beginning(one: RunResult, other: RunResult) -> int:
    pairs = zip(one.lines, other.lines, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def test_a_branch_of_all_streams_leaves_what_was_before_as_it_was() -> None:
    plain = run_of(f"{SEED_WITH_LATENCY},plain")
    recipes = [f"{SEED_WITH_LATENCY},plain,all:{more}" for more in ("10~7", "10~8", "30~7")]
    runs = [run_of(recipe) for recipe in recipes]
    same = [_common_beginning(plain, run) for run in runs]
    assert len({run.digest for run in (plain, *runs)}) == 4
    assert 0 < same[0] < same[2]
    assert run_of(recipes[0]).digest == runs[0].digest


def test_a_branch_of_all_streams_has_the_rates_of_another_seed() -> None:
    scenario = scenario_from("1,all:5~2,transactions-lost=0.3,crash=0.08")
    rates, other = scenario.rates_after(scenario.branches[0]), plain_scenario_of(2).rates
    assert {kind: rates.get(kind) for kind in ANYWHERE} == {
        kind: other.get(kind) for kind in ANYWHERE
    }
    assert rates[FaultKind.TRANSACTIONS_LOST] == 0.3
    assert scenario.later == set(rates)


def test_other_decisions_from_the_beginning_are_another_plan_of_the_orders() -> None:
    digests = {run_of(f"{SEED}{more}").digest for more in ("", ",orders:0~1", ",orders:0~2")}
    assert len(digests) == 3


def test_the_smallest_run_is_replayed_by_the_printed_command() -> None:
    with bug_named("a late capture is always kept").planted():
        printed = CliRunner().invoke(simulate, ["--first", "19", "--seeds", "40"]).output
        command = printed.splitlines()[
            printed.splitlines().index("To repeat the smallest run:") + 1
        ]
        replayed = CliRunner().invoke(simulate, command.split()[2:])
    story = printed.partition("The smallest run found that breaks it:\n")[2].splitlines()
    assert replayed.exit_code == 1
    assert replayed.output.splitlines()[: len(story) // 2] == story[: len(story) // 2]
    broken = [line for line in story if line.startswith("  promise ")]
    assert broken
    assert [line for line in replayed.output.splitlines() if line in broken] == broken
    assert replayed.output.splitlines()[-1] == "No smaller run was found that breaks it."
