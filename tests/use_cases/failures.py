"""Failures of the database, one step at a time; tests/simulation/test_sweep.py has more runs."""

from collections.abc import Container, Iterator

from application.ports.unit_of_work import Conflict, StorageUnavailable
from tests.checkpoints import FailAt
from tests.world import World

MAX_STEPS = 100


def each_database_failure(min_commits: int) -> Iterator[tuple[World, FailAt]]:
    """Yield worlds and checkpoints: each fails another step, or lets another commit conflict.

    A commit has two steps, and there is at least one read.
    """
    yield from _each_failure(StorageUnavailable("the database is down"), None, 1 + 2 * min_commits)
    yield from _each_failure(Conflict("conflict"), {"commit", "committed"}, 2 * min_commits)


def _each_failure(
    error: Exception, among: Container[str] | None, min_steps: int
) -> Iterator[tuple[World, FailAt]]:
    """The last checkpoint is the first one whose step is not reached; None means all steps."""
    for number in range(MAX_STEPS):
        world = World()
        failure = FailAt(number, error, world.database_steps if among is None else among)
        yield world, failure
        if not failure.failed_step:
            assert number >= min_steps, f"only {number} steps were reached"
            return
    raise AssertionError(f"not finished after {MAX_STEPS} failures")
