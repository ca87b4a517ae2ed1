"""Sessions of the console: how they begin, what they allow, and how they end."""

import re
from datetime import timedelta

from structlog.testing import capture_logs

from entrypoints.console.attempts import MAX_OF_ADDRESS, MAX_OF_ALL, WINDOW
from entrypoints.console.operators import LIMITS
from entrypoints.console.pages import SIGN_IN
from entrypoints.settings import Operator
from tests.entrypoints.console.world import HOST, ConsoleWorld, Visitor
from tests.entrypoints.http.world import OPERATOR_KEY

PAGES = ("/ops", "/ops/payments", "/ops/orders/order-1", "/ops/search?q=1", "/ops/reviews")
LOCAL = "http://localhost:3000"


async def is_signed_in(visitor: Visitor) -> bool:
    return (await visitor.get("/ops/payments")).status_code == 200


async def test_there_is_no_console_without_operators(world: ConsoleWorld) -> None:
    visitor = world.visitor(operator_key=None, named_operators=())
    for path in (*PAGES, SIGN_IN, "/ops/static/console.css"):
        assert (await visitor.client.get(path)).status_code == 404


async def test_the_form_has_one_password_field(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    await visitor.get(SIGN_IN)
    [form] = visitor.forms
    assert form.count('type="password"') == 1


async def test_a_page_asks_for_a_sign_in_and_comes_back(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    for path in PAGES:
        visitor.client.cookies.clear()
        asked = await visitor.get(path)
        assert asked.status_code == 303
        await visitor.get(asked.headers["location"])
        signed_in = await visitor.send(SIGN_IN, key=OPERATOR_KEY)
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, path)


async def test_a_sign_in_leads_to_pages_of_the_console_only(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    for target in ("https://evil.example", "//evil.example", "/ops/../x\\", "/opsevil", "/ops/ a"):
        await visitor.get(SIGN_IN)
        signed_in = await visitor.send(SIGN_IN, key=OPERATOR_KEY, next=target)
        assert signed_in.headers["location"] == "/ops"


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world: ConsoleWorld) -> None:
    cookie = (await world.visitor().sign_in()).headers["set-cookie"]
    name, *attributes = re.split("=|; ", cookie, maxsplit=2)
    assert name == "__Host-payments-ops"
    assert attributes[-1] == "Path=/; HttpOnly; SameSite=Strict; Secure"


async def test_on_this_machine_the_cookie_needs_no_https(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    visitor.client.base_url = LOCAL
    signed_in = await visitor.sign_in(headers={"origin": LOCAL})
    cookie = signed_in.headers["set-cookie"]
    assert cookie.startswith("payments-ops=")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert await is_signed_in(visitor)


async def test_a_key_that_was_sent_in_plain_text_begins_no_session(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    visitor.client.base_url = "http://payments.test"
    refused = await visitor.sign_in(headers={"origin": "http://payments.test"})
    assert refused.status_code == 403
    assert "needs https" in visitor.text
    assert "set-cookie" not in refused.headers


async def test_a_session_goes_on_as_long_as_its_own_key_is_in_the_settings(
    world: ConsoleWorld,
) -> None:
    old, new = Operator("alice", "old-key"), Operator("alice", "new-key")
    signed_in = {}
    for each in (old, new):
        visitor = await world.operator(each.key, named_operators=(old, new))
        signed_in[each.key] = visitor
        assert await is_signed_in(visitor)
    cookies = {key: visitor.client.cookies for key, visitor in signed_in.items()}
    for key, is_kept in (("old-key", False), ("new-key", True)):
        visitor = world.visitor(named_operators=(new,))
        visitor.client.cookies = cookies[key]
        assert await is_signed_in(visitor) is is_kept


async def test_a_wrong_key_is_refused_and_is_on_no_page(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    for key in ("wrong-key", "", OPERATOR_KEY[:-1], OPERATOR_KEY + "1"):
        refused = await visitor.sign_in(key)
        assert refused.status_code == 401
        assert "This is no operator's key." in visitor.text
        assert not key or key not in visitor.html
    assert not await is_signed_in(visitor)


async def test_attempts_are_limited_for_some_minutes(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    for _ in range(MAX_OF_ADDRESS):
        assert (await visitor.sign_in("wrong")).status_code == 401
    limited = await visitor.sign_in()
    assert limited.status_code == 429
    counted = f'{{reason="operator_key"}} {MAX_OF_ADDRESS + 1}.0'
    assert counted in (await visitor.client.get("/metrics")).text
    assert 0 < int(limited.headers["retry-after"]) <= WINDOW.total_seconds() + 1
    world.pass_time(WINDOW)
    assert (await visitor.sign_in()).status_code == 303


async def test_too_many_attempts_of_all_stop_only_addresses_that_have_failed(
    world: ConsoleWorld,
) -> None:
    visitor = world.visitor(trusted_proxies=1)

    async def status_of(number: int, key: str = OPERATOR_KEY) -> int:
        headers = {"x-forwarded-for": f"192.0.2.{number}"}
        return (await visitor.sign_in(key, headers=headers)).status_code

    each = MAX_OF_ADDRESS - 1
    for attempt in range(MAX_OF_ALL):
        assert await status_of(attempt // each, "wrong") == 401
    assert await status_of(0) == 429
    assert await status_of(MAX_OF_ALL, "wrong") == 401
    assert await status_of(MAX_OF_ALL + 1) == 303


async def test_attempts_from_before_the_clock_was_set_back_do_not_count(
    world: ConsoleWorld,
) -> None:
    visitor = world.visitor()
    for _ in range(MAX_OF_ADDRESS):
        await visitor.sign_in("wrong")
    world.pass_time(timedelta(hours=-1))
    assert (await visitor.sign_in()).status_code == 303


async def test_a_session_ends_on_the_server_when_the_operator_signs_out(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    token = visitor.client.cookies["__Host-payments-ops"]
    await visitor.get("/ops/payments")
    left = await visitor.send("/ops/sign-out")
    assert (left.status_code, left.headers["location"]) == (303, SIGN_IN)
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert left.headers["clear-site-data"] == '"cache"'
    visitor.client.cookies.set("__Host-payments-ops", token)
    assert not await is_signed_in(visitor)


async def test_a_session_ends_when_it_is_idle(world: ConsoleWorld, visitor: Visitor) -> None:
    world.pass_time(LIMITS.idle - timedelta(seconds=1))
    assert await is_signed_in(visitor)
    world.pass_time(LIMITS.idle)
    assert not await is_signed_in(visitor)


async def test_a_session_ends_at_its_longest_however_it_is_used(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    for _ in range(30):
        assert await is_signed_in(visitor)
        world.pass_time(LIMITS.longest / 30)
    assert not await is_signed_in(visitor)


async def test_a_session_ends_with_its_key(world: ConsoleWorld, visitor: Visitor) -> None:
    token = visitor.client.cookies["__Host-payments-ops"]
    rotated = world.visitor(operator_key="another-operator-key-of-the-tests")
    rotated.client.cookies.set("__Host-payments-ops", token)
    assert not await is_signed_in(rotated)


async def test_a_new_sign_in_ends_the_session_before_it(visitor: Visitor) -> None:
    before = visitor.client.cookies["__Host-payments-ops"]
    await visitor.get(SIGN_IN)
    await visitor.send(SIGN_IN, key=OPERATOR_KEY)
    assert visitor.client.cookies["__Host-payments-ops"] != before
    assert await is_signed_in(visitor)
    visitor.client.cookies.clear()
    visitor.client.cookies.set("__Host-payments-ops", before)
    assert not await is_signed_in(visitor)


async def test_a_session_is_of_the_operator_whose_key_it_was(world: ConsoleWorld) -> None:
    operators = (Operator("alice", "a" * 32), Operator("bob", "b" * 32))
    for name, key in (("alice", "a" * 32), ("bob", "b" * 32)):
        visitor = await world.operator(key, named_operators=operators)
        await visitor.get("/ops/payments")
        assert f'title="Signed in">{name}<' in visitor.html


async def test_a_forged_cookie_is_no_session(world: ConsoleWorld) -> None:
    visitor = world.visitor()
    for value in ("", "x", "x" * 10_000, "é", "a=b", '"x"'):
        cookie = f"__Host-payments-ops={value}".encode("latin-1")
        response = await visitor.client.get("/ops/payments", headers={b"cookie": cookie})
        assert response.status_code == 303


async def test_the_cookie_of_a_plain_connection_is_none_for_another_machine(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    token = visitor.client.cookies["__Host-payments-ops"]
    planted = world.visitor()
    planted.client.cookies.set("payments-ops", token)
    assert not await is_signed_in(planted)


async def test_a_form_of_another_site_does_nothing(world: ConsoleWorld, visitor: Visitor) -> None:
    stranger = world.visitor()
    for headers in (
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "https://shop.payments.test"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "", "origin": "https://["},
    ):
        await visitor.get("/ops/payments")
        assert (await visitor.send("/ops/sign-out", headers)).status_code == 403
        assert await is_signed_in(visitor)
        assert (await stranger.sign_in(headers=headers)).status_code == 403


async def test_a_form_without_the_token_of_its_session_does_nothing(visitor: Visitor) -> None:
    for token in ("", "x", "é"):
        await visitor.get("/ops/payments")
        with capture_logs() as lines:
            assert (await visitor.send("/ops/sign-out", form=token)).status_code == 403
        assert "form refused" in [each["event"] for each in lines]
        assert await is_signed_in(visitor)


async def test_the_token_of_another_session_is_not_accepted(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    other = await world.operator()
    await other.get("/ops/payments")
    await visitor.get("/ops/payments")
    token = other.fields("/ops/sign-out")["form"]
    assert (await visitor.send("/ops/sign-out", form=token)).status_code == 403


async def test_a_link_of_another_site_is_followed_once_more_with_the_cookie(
    world: ConsoleWorld,
) -> None:
    visitor = world.visitor()
    headers = {"sec-fetch-site": "cross-site"}
    response = await visitor.get("/ops/search?q=a&x=<b>", headers=headers)
    assert response.status_code == 200
    assert 'content="0; url=/ops/search?q=a&amp;x=' in visitor.html


async def test_a_part_of_a_page_asks_for_the_whole_page_when_the_session_has_ended(
    world: ConsoleWorld,
) -> None:
    asked = await world.visitor().get("/ops/payments", headers={"hx-request": "true"})
    assert (asked.status_code, asked.headers["hx-refresh"]) == (200, "true")


async def test_a_form_that_is_none_is_refused(visitor: Visitor) -> None:
    await visitor.get("/ops/payments")
    for kind in ("application/json", "text/plain", "multipart/form-data"):
        sent = await visitor.send("/ops/sign-out", {"content-type": kind})
        assert sent.status_code == 415
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": HOST}
    for content in ("é".encode("latin-1"), b"%FF=%FF", b"&".join([b"a=1"] * 300)):
        sent = await visitor.client.post("/ops/sign-out", content=content, headers=headers)
        assert sent.status_code == 400
    sent = await visitor.client.post("/ops/sign-out", content=b"a" * 20_000, headers=headers)
    assert sent.status_code == 413


async def test_without_the_database_a_page_says_so(world: ConsoleWorld, visitor: Visitor) -> None:
    world.failing.add("database")
    assert (await visitor.get("/ops/payments")).status_code == 503
    assert "The service is busy" in visitor.text
    assert (await world.visitor().sign_in()).status_code == 503
