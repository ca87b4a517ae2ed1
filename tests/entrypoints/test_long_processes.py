"""What the processes that run for long have in common: their event loop, their garbage."""

import asyncio
import gc
import sys

import pytest

from entrypoints.event_loop import run_for_long
from entrypoints.garbage import MAX_NEW, pause_collection, resume_collection


async def kind_of_loop() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_the_loop_is_uvloop_or_that_of_asyncio_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run_for_long(kind_of_loop()) == "uvloop"
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run_for_long(kind_of_loop()).startswith("asyncio.")


def test_an_error_leaves_the_loop_as_it_was_raised() -> None:
    async def fail() -> None:
        raise ValueError("as it was")

    with pytest.raises(ValueError, match="as it was"):
        run_for_long(fail())


def test_what_exists_at_the_start_is_never_collected_again() -> None:
    thresholds = gc.get_threshold()
    try:
        pause_collection()
        assert not gc.isenabled()
        resume_collection()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] == MAX_NEW
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        gc.enable()
