"""Operators read dead letters, and have some of them delivered again."""

import pytest

from application.ports.inbound_events import MAX_PAGE_BYTES
from tests.entrypoints.console.stories import HOSTILE, spoil
from tests.entrypoints.console.world import ConsoleWorld, Visitor

LIST = "/ops/dead-letters"
REPLAY = f"{LIST}/replay"


async def test_a_list_without_dead_letters_says_so(visitor: Visitor) -> None:
    await visitor.get(LIST)
    assert "There are no dead letters" in visitor.text
    assert REPLAY not in visitor.html


async def test_a_dead_letter_is_shown_with_escaped_bytes(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    spoil(world, HOSTILE, b'{"id": "\x00\xff\xe2\x80\xae<script>alert(1)</script>"}')
    await visitor.get(LIST)
    assert "order:created" in visitor.text
    assert HOSTILE in visitor.unescaped
    await visitor.get(f"{LIST}/1")
    assert r'{"id": "\x00\xff\u202e<script>alert(1)</script>"}' in visitor.unescaped
    assert "<script>alert" not in visitor.html


async def test_a_large_body_is_cut(world: ConsoleWorld, visitor: Visitor) -> None:
    spoil(world, "too large", b"x" * (100 * 1024))
    await visitor.get(f"{LIST}/1")
    assert "… and 36.0 KiB more" in visitor.text


@pytest.mark.parametrize("chosen", [("1",), ("1", "3")])
async def test_the_chosen_ones_are_delivered_again_once_it_is_confirmed(
    world: ConsoleWorld, visitor: Visitor, chosen: tuple[str, ...]
) -> None:
    for number in range(3):
        spoil(world, "unreadable", b"%d" % number)
    await visitor.get(LIST)
    token = visitor.fields(REPLAY)["form"]
    before = len(world.broker.log)
    fields = [("form", token), *(("id", each) for each in chosen)]
    assert (await visitor.post(REPLAY, fields)).status_code == 200
    assert ", ".join(chosen) in visitor.text
    assert len(world.broker.log) == before
    confirmed = await visitor.post(REPLAY, [*fields, ("confirmed", "yes")])
    assert confirmed.status_code == 303
    assert len(world.broker.log) == before + len(chosen)
    await visitor.get(confirmed.headers["location"])
    assert f"Delivered again: {len(chosen)}." in visitor.text


@pytest.mark.parametrize(
    ("ids", "status"), [((), 400), (("9",), 404), (("x",), 404), (("-1",), 404), (("9" * 30,), 404)]
)
async def test_a_choice_that_is_none_is_refused(
    world: ConsoleWorld, visitor: Visitor, ids: tuple[str, ...], status: int
) -> None:
    await visitor.get(LIST)
    token = visitor.fields("/ops/sign-out")["form"]
    fields = [("form", token), ("confirmed", "yes"), *(("id", each) for each in ids)]
    assert (await visitor.post(REPLAY, fields)).status_code == status
    assert f'href="{LIST}">Back to dead letters' in visitor.html


async def test_none_is_delivered_again_if_one_of_them_does_not_exist(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    spoil(world, "unreadable", b"1")
    await visitor.get(LIST)
    token, before = visitor.fields(REPLAY)["form"], len(world.broker.log)
    fields = [("form", token), ("confirmed", "yes"), ("id", "1"), ("id", "9")]
    assert (await visitor.post(REPLAY, fields)).status_code == 404
    assert len(world.broker.log) == before


async def test_large_ones_do_not_hide_those_after_them(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    large = bytes(MAX_PAGE_BYTES // 2)
    for _ in range(3):
        spoil(world, "too large", large)
    await visitor.get(LIST)
    assert f'href="{LIST}/2"' in visitor.html
    assert f'href="{LIST}/3"' not in visitor.html
    assert "cursor=2" in visitor.html
    await visitor.get(f"{LIST}?cursor=2")
    assert f'href="{LIST}/3"' in visitor.html
    assert 'rel="next"' not in visitor.html


@pytest.mark.parametrize("path", ["7", "x", "%00"])
async def test_an_unknown_dead_letter_is_not_found(visitor: Visitor, path: str) -> None:
    assert (await visitor.get(f"{LIST}/{path}")).status_code == 404


async def test_a_bad_page_is_named(visitor: Visitor) -> None:
    for query in ("limit=10000", "cursor=abc", "x=y"):
        assert (await visitor.get(f"{LIST}?{query}")).status_code == 400


async def test_without_nats_the_page_says_so(world: ConsoleWorld, visitor: Visitor) -> None:
    world.failing.add("broker")
    assert (await visitor.get(LIST)).status_code == 503
    assert "NATS cannot be reached" in visitor.text
