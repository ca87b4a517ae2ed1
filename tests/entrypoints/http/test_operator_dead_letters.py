"""`/api/operator/dead-letters`: operators read unusable events, and have them delivered again."""

import base64
from typing import Any

import httpx
import pytest

from adapters.messaging.wire import Message
from tests.entrypoints.http.world import OPERATOR, Client, HttpWorld, error_fields, signed_in

PATH = "/api/operator/dead-letters"


@pytest.fixture(autouse=True)
def letters(world: HttpWorld) -> None:
    """Store three unusable events: 1, 2 and 3."""
    for number in (1, 2, 3):
        world.broker.store(Message("order:created", b"{%d" % number, {}))
        world.broker.dead_letter(world.broker.log[-1], "not JSON")


async def get(client: Client, query: str = "") -> httpx.Response:
    return await client.get(PATH + query, headers=OPERATOR)


async def read(client: Client, query: str = "") -> Any:
    response = await get(client, query)
    assert response.status_code == 200
    return response.json()


async def replay(client: Client, letter_id: object) -> httpx.Response:
    return await client.post(f"{PATH}/{letter_id}/replay", headers=OPERATOR)


async def test_they_are_listed_oldest_first_with_their_bytes(client: Client) -> None:
    page = await read(client)
    assert [each["id"] for each in page["items"]] == [1, 2, 3]
    first = page["items"][0]
    assert set(first) == {"id", "subject", "reason", "at", "bytes"}
    assert (first["subject"], first["reason"]) == ("order:created", "not JSON")
    assert base64.b64decode(first["bytes"]) == b"{1"


async def test_every_one_is_on_one_page(client: Client) -> None:
    listed, query = [], "?limit=2"
    while (page := await read(client, query))["items"]:
        listed += [each["id"] for each in page["items"]]
        query = f"?limit=2&cursor={page['next']}"
    assert listed == [1, 2, 3]
    assert "next" not in page


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("?limit=0", {"limit"}),
        ("?limit=201", {"limit"}),
        ("?limit=x&cursor=-1", {"limit", "cursor"}),
        ("?limit=1&limit=2", {"limit"}),
        ("?cursor=99999999999999999999", {"cursor"}),
        ("?after=1", {"after"}),
    ],
)
async def test_a_query_that_is_not_understood_is_refused(
    client: Client, query: str, fields: set[str]
) -> None:
    refused = await get(client, query)
    assert (refused.status_code, error_fields(refused)) == (400, fields)


async def test_a_replay_publishes_the_event_again_unchanged(
    client: Client, world: HttpWorld
) -> None:
    replayed = await replay(client, 2)
    assert (replayed.status_code, replayed.json()["id"]) == (200, 2)
    last = world.broker.log[-1].message
    assert (last.subject, last.data) == ("order:created", b"{2")
    assert len((await read(client))["items"]) == 3


@pytest.mark.parametrize("letter_id", ["4", "0", "-1", "x", "1.0", "9" * 30])
async def test_one_that_does_not_exist_is_not_found(client: Client, letter_id: str) -> None:
    assert (await replay(client, letter_id)).status_code == 404


async def test_a_body_with_fields_is_refused(client: Client) -> None:
    refused = await client.post(f"{PATH}/1/replay", json={"to": "other"}, headers=OPERATOR)
    assert (refused.status_code, error_fields(refused)) == (400, {"to"})


async def test_without_nats_it_is_unavailable(client: Client, world: HttpWorld) -> None:
    world.failing.add("broker")
    for response in (await get(client), await replay(client, 1)):
        assert response.status_code == 503
        assert response.headers["retry-after"]


async def test_only_operators_read_and_replay_them(client: Client) -> None:
    read = await client.get(PATH, headers=signed_in())
    replayed = await client.post(f"{PATH}/1/replay", headers=signed_in())
    assert (read.status_code, replayed.status_code) == (401, 401)
