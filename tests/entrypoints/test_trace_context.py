"""The trace context: what is heard is carried on, and what is malformed is replaced."""

import asyncio
import re

import pytest

from entrypoints.trace_context import current_traceparent, use_traceparent

HEARD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WELL_FORMED = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def test_there_is_none_outside() -> None:
    with use_traceparent(HEARD):
        assert current_traceparent() == HEARD

    assert current_traceparent() is None


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        "",
        HEARD.upper(),
        HEARD[:-1],
        HEARD + "0",
        HEARD + "-more",
        "ff" + HEARD[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        HEARD + "\n",
        "00-٤bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ],
)
def test_what_is_malformed_is_replaced(malformed: str | None) -> None:
    with use_traceparent(malformed) as traceparent:
        assert WELL_FORMED.fullmatch(traceparent)
        assert traceparent[3:35] != HEARD[3:35]


def test_each_new_trace_is_another() -> None:
    with use_traceparent(None) as one, use_traceparent(None) as another:
        assert one != another


def test_a_later_version_is_understood_as_ours() -> None:
    with use_traceparent("cc" + HEARD[2:] + "-what-comes-later") as traceparent:
        assert traceparent == HEARD


async def test_tasks_begun_inside_keep_it() -> None:
    async def task() -> str | None:
        await asyncio.sleep(0)
        return current_traceparent()

    with use_traceparent(HEARD):
        running = asyncio.create_task(task())

    assert await running == HEARD
