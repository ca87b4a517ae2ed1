"""Any world that Hypothesis generates: it chooses the workload and the faults."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.world import World
from tests.depth import times
from tests.simulation.planted_bugs import bug_named

scenarios = st.builds(
    Scenario,
    seed=st.integers(0, 2**32),
    orders=st.integers(1, 2),
    customers=st.integers(1, 3),
    burst=st.booleans(),
    serves=st.integers(1, 2),
    workers=st.integers(1, 2),
    latency=st.sampled_from((0.0, 0.05, 1.0)),
    seconds=st.just(30.0),
    cancels=st.sampled_from((0.0, 0.5, 1.0)),
    refunds=st.sampled_from((0.0, 0.5)),
    webhooks=st.booleans(),
    rates=st.dictionaries(
        st.sampled_from(FaultKind), st.sampled_from((0.01, 0.1, 0.5, 1.0)), max_size=4
    ),
)


@given(scenarios)
@settings(max_examples=times(40))
def test_every_promise_is_kept_in_any_world(scenario: Scenario) -> None:
    assert World(scenario).run().broken == []


def test_hypothesis_finds_a_planted_bug() -> None:
    @given(scenarios)
    @settings(max_examples=60, database=None, derandomize=True, phases=[Phase.generate])
    def find(scenario: Scenario) -> None:
        assert World(scenario).run().broken == []

    with bug_named("a price through a float").planted(), pytest.raises(AssertionError):
        find()
