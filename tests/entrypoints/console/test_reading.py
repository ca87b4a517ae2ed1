"""Operators find payments, and read the story of an order."""

import re
from urllib.parse import quote

import pytest

from application.ports.payment_gateway import CardToken
from tests.builders import ORDER, PAYER, dollars
from tests.entrypoints.console.stories import HOSTILE, IN_REVIEW, STORY, a_world, fill, spoil
from tests.entrypoints.console.world import ConsoleWorld, Visitor

DECLINED = CardToken("tok_chargeDeclined")
HTML = "text/html; charset=utf-8"


@pytest.fixture
async def paid(world: ConsoleWorld) -> list[str]:
    """Make three declined payments and one that succeeds, a minute apart; return their ids."""
    for token in (DECLINED, DECLINED, DECLINED, CardToken("tok_visa")):
        await world.pay(token)
        world.advance(minutes=1)
    return [each.id for each in world.order().payments]


async def test_a_list_without_payments_says_so(visitor: Visitor) -> None:
    await visitor.get("/ops/payments")
    assert "There are no payments yet." in visitor.text
    await visitor.get("/ops/payments?status=failed")
    assert "No payment is like this." in visitor.text
    await visitor.get("/ops/reviews")
    assert "No payment waits for a decision." in visitor.text


@pytest.mark.usefixtures("paid")
async def test_a_filter_chooses_and_stays_in_its_form(visitor: Visitor) -> None:
    await visitor.get("/ops/payments?status=failed&userId=&gateway=in_memory")
    assert visitor.html.count("<tr>") == 1 + 3
    assert '<option value="failed" selected>' in visitor.html
    assert 'name="gateway" value="in_memory"' in visitor.html


@pytest.mark.usefixtures("paid")
async def test_pages_follow_each_other_with_their_filter(visitor: Visitor) -> None:
    await visitor.get("/ops/payments?status=failed&limit=2")
    assert visitor.html.count("<tr>") == 1 + 2
    assert "First page" not in visitor.text
    link = visitor.html.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    await visitor.get(f"/ops/payments{link}")
    assert visitor.html.count("<tr>") == 1 + 1
    assert "First page" in visitor.text
    assert "Next page" not in visitor.text


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("/ops/payments", r"/ops/orders/order-(\d)"),
        ("/ops/reviews", r"/ops/orders/order-(\d)#payment"),
        ("/ops/dead-letters", r'name="id" value="(\d)"'),
    ],
)
async def test_the_pages_of_a_list_show_each_row_once(
    world: ConsoleWorld, visitor: Visitor, path: str, row: str
) -> None:
    for number in range(1, 6):
        spoil(world, "malformed", b"{}")
        world.faults.mischarge(dollars("1"))
        await world.pay(order_id=await world.create_order(f"order-{number}"))
        world.advance(minutes=1)
    pages = [re.findall(row, page) async for page in visitor.pages(f"{path}?limit=2")]
    assert [len(page) for page in pages if page] == [2, 2, 1]
    oldest_first = sorted(number for page in pages for number in page)
    assert oldest_first == ["1", "2", "3", "4", "5"]


async def test_a_bad_filter_is_named(visitor: Visitor) -> None:
    for query, says in (
        ("status=paid", "status must be"),
        ("since=yesterday", "since must be a time"),
        ("limit=10000", "limit must be a whole number from 1 to 200"),
        ("cursor=abc", "cursor must be the `next` of another page"),
        ("colour=red", "is not a parameter of this request"),
        ("status=failed&status=review", "status is there more than once"),
        (f"userId={'x' * 300}", "userId must be"),
    ):
        assert (await visitor.get(f"/ops/payments?{query}")).status_code == 400
        assert says in visitor.text


async def test_a_bad_cursor_of_the_reviews_is_named(visitor: Visitor) -> None:
    for query in ("cursor=abc", "limit=10000", "x=y"):
        assert (await visitor.get(f"/ops/reviews?{query}")).status_code == 400


async def test_any_id_leads_to_its_order(
    world: ConsoleWorld, visitor: Visitor, paid: list[str]
) -> None:
    charge = world.order().payments[-1].charge_id
    for query, target in (
        (ORDER, f"/ops/orders/{ORDER}"),
        (f"  {ORDER} ", f"/ops/orders/{ORDER}"),
        (paid[0], f"/ops/orders/{ORDER}#payment-{paid[0]}"),
        (str(charge), f"/ops/orders/{ORDER}#payment-{paid[-1]}"),
        (PAYER, f"/ops/payments?userId={PAYER}"),
    ):
        found = await visitor.get(f"/ops/search?q={quote(query)}")
        assert (found.status_code, found.headers["location"]) == (303, target)


async def test_an_unknown_id_is_said_to_be_unknown(visitor: Visitor) -> None:
    for query in ("nothing", HOSTILE, "x" * 255):
        assert (await visitor.get(f"/ops/search?q={quote(query)}")).status_code == 404
        assert "Nothing has the id" in visitor.text
        assert "<script>alert" not in visitor.html


async def test_what_is_no_id_is_refused(visitor: Visitor) -> None:
    for query in ("", "x" * 256, "a\0b"):
        assert (await visitor.get(f"/ops/search?q={quote(query)}")).status_code == 400


async def test_an_order_that_is_not_there_is_not_found(visitor: Visitor) -> None:
    for path in ("orders/nothing", "order?id=nothing", "order", "order?id=%00"):
        assert (await visitor.get(f"/ops/{path}")).status_code == 404
        assert "Not Found" in visitor.text


async def test_the_page_of_an_order_tells_its_story() -> None:
    world = a_world()
    await fill(world)
    visitor = await world.operator()
    await visitor.get(f"/ops/orders/{STORY}")
    for each in (
        *("1,249.50 USD", "insufficient_funds", "generic_decline", "249.50 USD"),
        *("One item arrived broken", "alice", "dp_1NXb2aLkdIwHu7ix", "product_not_received"),
        *("Dispute open", "Refund succeeded", "Payment failed", "Order created", "hours ago"),
    ):
        assert each.lower() in visitor.text.lower()
    await visitor.get(f"/ops/orders/{IN_REVIEW}")
    assert "an operator accepts it: succeeded" in visitor.text


async def test_an_order_with_a_hostile_id_has_a_page() -> None:
    world = a_world()
    await fill(world)
    visitor = await world.operator()
    await visitor.get("/ops/payments")
    assert "<script>alert" not in visitor.html
    found = await visitor.get(f"/ops/search?q={quote(HOSTILE)}")
    assert (await visitor.get(found.headers["location"])).status_code == 200
    assert "<script>alert" not in visitor.html


async def test_files_come_from_the_service_itself_and_no_others(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    for name in ("console.css", "console.js", "htmx.min.js", "htmx-sse.min.js", "icon.svg"):
        assert (await visitor.get(f"/ops/static/{name}")).content
    for name in ("x", "..%2Fapp.py", "htmx.LICENSE.txt"):
        assert (await visitor.client.get(f"/ops/static/{name}")).status_code == 404


async def test_what_is_no_page_is_told_on_one(world: ConsoleWorld, visitor: Visitor) -> None:
    for each in (visitor, world.visitor()):
        for path in ("nothing", "payments/x", "orders/a/b", "static/x", "live/x"):
            missing = await each.get(f"/ops/{path}")
            assert (missing.status_code, missing.headers["content-type"]) == (404, HTML)
            assert "Status 404." in each.text
        wrong = await each.post("/ops", {})
        assert (wrong.status_code, wrong.headers["content-type"]) == (405, HTML)
    other = await visitor.client.get("/opsx")
    assert other.headers["content-type"] == "application/problem+json"


async def test_no_page_has_code_or_style_of_its_own(visitor: Visitor) -> None:
    for path in ("/ops/payments", f"/ops/orders/{ORDER}", "/ops/reviews", "/ops/sign-in"):
        await visitor.get(path)
        for each in ("<style", " style=", " onclick=", " hx-on", "javascript:", "//cdn"):
            assert each not in visitor.html
        assert "<script src=" in visitor.html
