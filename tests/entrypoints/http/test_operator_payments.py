"""`GET /api/operator/payments`: operators find payments."""

from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tests.builders import ORDER, PAYER
from tests.entrypoints.http.world import OPERATOR, Client, HttpWorld, error_fields, pay, signed_in

PATH = "/api/operator/payments"
ITEM = {
    *("id", "orderId", "userId", "status", "amount", "currency", "gateway", "chargeId"),
    "createdAt",
}


async def get(client: Client, **query: str) -> httpx.Response:
    return await client.get(PATH, params=query, headers=OPERATOR)


async def found(client: Client, **query: str) -> list[Any]:
    response = await get(client, **query)
    assert response.status_code == 200
    return list(response.json()["items"])


@pytest.fixture
async def paid(client: Client, world: HttpWorld) -> list[str]:
    """Make three declined payments and one that succeeds, a minute apart; return their ids."""
    await world.create_order()
    ids = []
    for token in ("tok_chargeDeclined", "tok_chargeDeclined", "tok_chargeDeclined", "tok_visa"):
        ids.append((await pay(client, token)).json()["id"])
        world.advance(minutes=1)
    return ids


async def test_the_newest_comes_first_with_what_a_list_shows(
    client: Client, paid: list[str]
) -> None:
    items = await found(client)
    assert [each["id"] for each in items] == paid[::-1]
    assert {*items[0]} == {*items[1]} == ITEM
    assert (items[0]["orderId"], items[0]["userId"], items[0]["amount"]) == (ORDER, PAYER, 10000)
    assert items[1]["chargeId"] is None


async def test_pages_follow_each_other_until_there_is_no_next(
    client: Client, paid: list[str]
) -> None:
    listed, query = [], {"limit": "2"}
    while True:
        page = (await get(client, **query)).json()
        listed += [each["id"] for each in page["items"]]
        if "next" not in page:
            break
        query["cursor"] = page["next"]
    assert listed == paid[::-1]


async def test_pages_miss_no_payment_of_the_same_millisecond(
    client: Client, world: HttpWorld
) -> None:
    await world.create_order()
    made = []
    for _ in range(3):
        made.append((await pay(client, "tok_chargeDeclined")).json()["id"])
        world.pass_time(timedelta(microseconds=1))
    page = (await get(client, limit="1")).json()
    rest = await found(client, cursor=page["next"])
    assert [each["id"] for each in (*page["items"], *rest)] == made[::-1]


async def test_a_filter_chooses(client: Client, world: HttpWorld, paid: list[str]) -> None:
    assert len(await found(client, status="failed", orderId=ORDER, userId=PAYER)) == 3
    assert await found(client, status="review") == []
    assert await found(client, gateway="other") == []
    second = world.order().payments[1].created_at.isoformat()
    assert [each["id"] for each in await found(client, since=second)] == paid[:0:-1]
    assert [each["id"] for each in await found(client, until=second)] == paid[:1]


async def test_a_time_says_its_offset_or_is_in_utc(client: Client, paid: list[str]) -> None:
    second = datetime.fromisoformat((await found(client))[-2]["createdAt"])
    in_tokyo = second.astimezone(timezone(timedelta(hours=9)))
    for since in (in_tokyo, second.replace(tzinfo=None)):
        listed = await found(client, since=since.isoformat())
        assert [each["id"] for each in listed] == paid[:0:-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "paid"}, "status"),
        ({"since": "yesterday"}, "since"),
        ({"until": "0001-01-01T00:00:00+23:00"}, "until"),
        ({"limit": "1000"}, "limit"),
        ({"cursor": "abc"}, "cursor"),
        ({"cursor": "WyJ4Il0"}, "cursor"),
        # ["0001-01-01T00:00:00+23:59", "x"], which is before the first year in UTC
        ({"cursor": "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5IiwgIngiXQ"}, "cursor"),
        ({"orderId": ""}, "orderId"),
        ({"order": "1"}, "order"),
    ],
)
async def test_a_bad_filter_is_named(client: Client, query: dict[str, str], field: str) -> None:
    refused = await get(client, **query)
    assert (refused.status_code, error_fields(refused)) == (400, {field})


async def test_without_the_database_it_is_unavailable(client: Client, world: HttpWorld) -> None:
    world.failing.add("database")
    assert (await get(client)).status_code == 503


async def test_only_operators_find_payments(client: Client) -> None:
    assert (await client.get(PATH, headers=signed_in())).status_code == 401
