"""The trace context: a valid one is continued, a malformed one is replaced."""

import asyncio
import re

import pytest

from entrypoints.trace_context import current_traceparent, use_traceparent

RECEIVED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
VALID = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


async def test_a_received_trace_is_current_in_the_block_and_in_its_tasks() -> None:
    async def task() -> str | None:
        await asyncio.sleep(0)
        return current_traceparent()

    with use_traceparent(RECEIVED):
        assert current_traceparent() == RECEIVED
        running = asyncio.create_task(task())
    assert current_traceparent() is None
    assert await running == RECEIVED


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        "",
        RECEIVED.upper(),
        RECEIVED[:-1],
        RECEIVED + "0",
        RECEIVED + "-more",
        "ff" + RECEIVED[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        RECEIVED + "\n",
        "00-٤bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ],
)
def test_a_malformed_value_is_replaced_by_a_new_trace(malformed: str | None) -> None:
    with use_traceparent(malformed) as one, use_traceparent(malformed) as another:
        assert VALID.fullmatch(one)
        assert len({one[3:35], another[3:35], RECEIVED[3:35]}) == 3


def test_a_later_version_is_continued_in_our_version() -> None:
    with use_traceparent("cc" + RECEIVED[2:] + "-further-fields") as traceparent:
        assert traceparent == RECEIVED
