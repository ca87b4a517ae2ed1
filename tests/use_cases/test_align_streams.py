"""AlignStreams: what is done for each relation of a stream to where our books end."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnsuitable
from application.ports.inbound_events import InboundEvent, StreamProgress
from application.ports.stream_positions import StreamPosition
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.align_streams import AlignStreams
from tests.builders import NOW
from tests.world import World

PROGRESS = StreamProgress(
    stream="ORDERS",
    consumer="payments",
    stream_id="stream-1",
    consumer_id="consumer-1",
    begins=1,
    acknowledged=10,
    last=20,
    is_untouched=False,
    waiting=0,
)
AT_TEN = StreamPosition(
    stream_id="stream-1",
    consumer_id="consumer-1",
    applied=10,
    applied_at=NOW,
    floor=10,
    is_current=True,
)
BEHIND = (AlertKind.BOOKS_BEHIND, "ORDERS/payments")
AGAIN = evolve(PROGRESS, consumer_id="consumer-2", begins=3)


class Events:
    """A subscription in a state that a test describes, and books with a position."""

    def __init__(
        self,
        *progress: StreamProgress,
        position: StreamPosition | None = None,
        has_acknowledged: bool = True,
        is_bound: bool = True,
    ) -> None:
        self.told = list(progress)
        self.position = position
        self.is_acknowledged = has_acknowledged
        self.is_bound = is_bound
        self.done: list[Any] = []
        self.error: Exception | None = None
        self.others: list[StreamProgress] = []

    async def fetch(self, limit: int, wait: timedelta) -> Sequence[InboundEvent]:
        return []

    async def progress(self) -> Sequence[StreamProgress]:
        if self.error is not None:
            raise self.error
        told = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        return [told, *self.others]

    async def has_acknowledged(self, progress: StreamProgress, after: int) -> bool:
        self.done.append(("acknowledged after", after))
        return self.is_acknowledged

    async def set_back(self, progress: StreamProgress, begin: int | None) -> StreamProgress:
        self.done.append(("set back", begin))
        return AGAIN

    async def copy(self) -> str:
        return "copy"

    async def read(self, stream: str, consumer: str) -> StreamPosition | None:
        assert (stream, consumer) == ("ORDERS", "payments")
        return self.position

    async def bind(self, *arguments: Any) -> bool:
        self.done.append(("bind", *arguments))
        return self.is_bound

    async def raise_floor(self, *arguments: Any) -> None:
        self.done.append(("raise", *arguments))


def bound(progress: StreamProgress, floor: int) -> tuple[Any, ...]:
    names = progress.stream, progress.consumer, progress.stream_id, progress.consumer_id
    return ("bind", "copy", *names, floor)


ASKED = ("acknowledged after", 10)
RECREATED = (AlertKind.STREAM_RECREATED, "ORDERS/payments")
RAISED = ("raise", "ORDERS", "payments", "consumer-1", 10)


@pytest.mark.parametrize(
    ("progress", "position", "done", "is_alert"),
    [
        pytest.param(PROGRESS, AT_TEN, [], False, id="they agree"),
        pytest.param(PROGRESS, evolve(AT_TEN, applied=15), [], False, id="more was applied"),
        pytest.param(
            PROGRESS,
            evolve(AT_TEN, floor=5),
            [RAISED],
            False,
            id="more was acknowledged than is known",
        ),
        pytest.param(
            evolve(PROGRESS, acknowledged=12),
            AT_TEN,
            [ASKED, ("set back", 11), bound(AGAIN, 10)],
            True,
            id="the books are behind",
        ),
        pytest.param(
            evolve(PROGRESS, acknowledged=12),
            evolve(AT_TEN, applied=3),
            [ASKED, ("set back", 11), bound(AGAIN, 10)],
            True,
            id="the books are behind, and know what ended",
        ),
        pytest.param(
            PROGRESS,
            evolve(AT_TEN, is_current=False, floor=4),
            [("set back", 5), bound(AGAIN, 4)],
            False,
            id="another copy of the books",
        ),
        pytest.param(
            evolve(PROGRESS, consumer_id="new", begins=11),
            AT_TEN,
            [bound(evolve(PROGRESS, consumer_id="new"), 10)],
            False,
            id="a new consumer that leaves out nothing",
        ),
        pytest.param(
            evolve(PROGRESS, consumer_id="new", begins=12),
            AT_TEN,
            [("set back", 11), bound(AGAIN, 10)],
            False,
            id="a new consumer that leaves out an event",
        ),
        pytest.param(
            evolve(PROGRESS, consumer_id="new", begins=None),
            AT_TEN,
            [("set back", 11), bound(AGAIN, 10)],
            False,
            id="a new consumer that may leave out anything",
        ),
        pytest.param(
            evolve(PROGRESS, consumer_id="new", acknowledged=12),
            evolve(AT_TEN, applied=15),
            [ASKED, ("set back", 11), bound(AGAIN, 10)],
            False,
            id="a new consumer that counts as acknowledged what another one had delivered",
        ),
        pytest.param(
            evolve(PROGRESS, begins=None), AT_TEN, [], False, id="a known consumer of any beginning"
        ),
        pytest.param(
            evolve(PROGRESS, is_untouched=True, begins=4),
            None,
            [bound(PROGRESS, 3)],
            False,
            id="nothing was ever delivered",
        ),
        pytest.param(
            evolve(PROGRESS, is_untouched=True, begins=None),
            None,
            [bound(PROGRESS, 0)],
            False,
            id="nothing was ever delivered, from wherever",
        ),
        pytest.param(
            PROGRESS,
            None,
            [("set back", None), bound(AGAIN, 2)],
            True,
            id="the books know nothing of it",
        ),
        pytest.param(
            evolve(PROGRESS, stream_id="stream-2"),
            AT_TEN,
            [("set back", None), bound(AGAIN, 2)],
            True,
            id="another stream of the same name",
        ),
        pytest.param(
            evolve(PROGRESS, last=9, acknowledged=9),
            AT_TEN,
            [("set back", None), bound(AGAIN, 2)],
            True,
            id="a stream that has lost events",
        ),
        pytest.param(
            evolve(PROGRESS, last=9, acknowledged=9),
            evolve(AT_TEN, applied=3),
            [("set back", None), bound(AGAIN, 2)],
            True,
            id="a stream that has lost events, of which none was applied",
        ),
    ],
)
async def test_a_stream_is_read_again_from_where_the_books_end(
    progress: StreamProgress,
    position: StreamPosition | None,
    done: list[Any],
    is_alert: bool,
) -> None:
    world = World()
    events = Events(progress, position=position)
    await AlignStreams(events, events, world.alerts)()
    assert events.done == done
    alerts = [(each.kind, each.subject) for each in await world.alerts.list_current()]
    is_other = position is not None and position.stream_id != progress.stream_id
    assert sorted(alerts, key=str) == [BEHIND] * is_alert + [RECREATED] * is_other


async def test_what_was_acknowledged_and_is_deleted_is_not_behind() -> None:
    world = World()
    events = Events(evolve(PROGRESS, acknowledged=12), position=AT_TEN, has_acknowledged=False)
    await AlignStreams(events, events, world.alerts)()
    raised = ("raise", "ORDERS", "payments", "consumer-1", 12)
    assert events.done == [ASKED, raised]
    assert not await world.alerts.list_current()


async def test_a_new_consumer_leaves_out_nothing_where_nothing_is_stored_any_more() -> None:
    progress = evolve(PROGRESS, consumer_id="new", acknowledged=12)
    events = Events(progress, position=evolve(AT_TEN, applied=15), has_acknowledged=False)
    await AlignStreams(events, events, World().alerts)()
    assert events.done == [ASKED, bound(progress, 10)]


@pytest.mark.parametrize(
    ("stream_id", "position", "is_named"),
    [("stream-2", AT_TEN, True), ("stream-1", AT_TEN, False), ("stream-1", None, False)],
)
async def test_a_stream_that_was_created_again_is_named_with_the_end_of_the_one_before(
    stream_id: str,
    position: StreamPosition | None,
    is_named: bool,
) -> None:
    progress = evolve(PROGRESS, stream_id=stream_id, acknowledged=0, is_untouched=True)
    events = Events(progress, position=position)
    world = World()
    await AlignStreams(events, events, world.alerts)()
    text = (
        "stream ORDERS was deleted and created again, and is read from its beginning: of the one"
        f" before, these books end at 10 ({NOW}), and what came later must be published again"
    )
    alerts = [(each.kind, each.subject, each.text) for each in await world.alerts.list_current()]
    assert alerts == [(*RECREATED, text)] * is_named


@pytest.mark.parametrize("last", [10, 9])
async def test_a_stream_that_grows_meanwhile_has_lost_nothing(last: int) -> None:
    world = World()
    behind = evolve(PROGRESS, last=9, acknowledged=9)
    other = evolve(behind, stream_id="stream-2")
    for position in (AT_TEN, evolve(AT_TEN, applied=3)):
        for again in (evolve(behind, last=last), other):
            events = Events(behind, again, position=position)
            await AlignStreams(events, events, world.alerts)()
            is_lost = again is not other and last == 9
            assert bool(events.done) is is_lost


async def test_another_stream_does_not_hide_that_one_has_lost_events() -> None:
    events = Events(evolve(PROGRESS, last=9, acknowledged=9), position=AT_TEN)
    other = evolve(PROGRESS, stream_id="stream-9", acknowledged=0, is_untouched=True, last=50)
    events.others = [other]
    await AlignStreams(events, events, World().alerts)()
    assert events.done[0] == ("set back", None)


async def test_a_position_that_could_not_be_bound_is_no_alignment() -> None:
    events = Events(evolve(PROGRESS, is_untouched=True), is_bound=False)
    with pytest.raises(StorageUnavailable):
        await AlignStreams(events, events, World().alerts)()


async def test_a_consumer_that_may_not_be_used_is_an_alert() -> None:
    world = World()
    events = Events(PROGRESS, position=AT_TEN)
    unsuitable = BrokerUnsuitable(AlertKind.CONSUMER_UNSUITABLE, "ORDERS/payments", "it forgets")
    events.error = unsuitable
    with pytest.raises(BrokerUnsuitable):
        await AlignStreams(events, events, world.alerts)()
    [alert] = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.CONSUMER_UNSUITABLE, "ORDERS/payments")
