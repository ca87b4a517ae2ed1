"""`returnUrl`, `gateway` and the kinds of tokens in the body of `POST /api/payments`."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.payment_gateway import CardToken
from domain.outcome import Outcome
from domain.payment import Payment
from entrypoints.http.json_fields import JsonFields
from entrypoints.http.request_bodies import PaymentRules, parse_payment
from entrypoints.web_origins import MAX_URL, is_origin, is_url_of
from tests.builders import PAYER
from tests.entrypoints.http.world import Client, HttpWorld, error_fields, pay
from tests.world import GatewayWithoutChargeList

SHOP = "https://shop.example"
ORIGINS = (SHOP, "https://pay.shop.example:8443", "http://localhost:8080")

tokens: list[CardToken] = []


class Recording(GatewayWithoutChargeList):
    """A gateway that keeps the tokens that it gets."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        tokens.append(token)
        return await super().charge(payment, CardToken("tok_visa"))


@pytest.fixture
async def world() -> HttpWorld:
    tokens.clear()
    world = HttpWorld(gateway_type=Recording)
    await world.create_order()
    return world


@pytest.fixture
async def client(world: HttpWorld) -> AsyncIterator[Client]:
    async with world.client(return_origins=ORIGINS) as client:
        yield client


@pytest.mark.parametrize(
    "url",
    [
        SHOP,
        f"{SHOP}/",
        f"{SHOP}?order=1",
        f"{SHOP}#done",
        f"{SHOP}/orders/64b7?from=a%20b&to=https://evil.example/#/done?x=[1]".replace("[1]", "1"),
        f"{SHOP}//evil.example",
        "https://pay.shop.example:8443/done",
        "http://localhost:8080/done",
        f"{SHOP}/{'x' * (MAX_URL - len(SHOP) - 1)}",
    ],
)
async def test_a_url_of_an_allowed_origin_reaches_the_gateway(client: Client, url: str) -> None:
    response = await pay(client, returnUrl=url)

    assert response.status_code == 201
    assert [token.return_url for token in tokens] == [url]


INVALID: list[Any] = [
    # not a text, or none
    *(None, "", 7, True, [SHOP], {"url": SHOP}, "null"),
    # no absolute URL of the web
    *("/done", "done", "//shop.example/done", "///shop.example", "shop.example/done"),
    *("javascript:alert(1)", "javascript://shop.example/%0aalert(1)", "data:text/html,x"),
    *("ftp://shop.example/", "wss://shop.example/", "blob:https://shop.example/1"),
    *("https:/shop.example/", "https:shop.example/", "https:///shop.example/", "https://"),
    "view-source:https://shop.example/",
    # another origin
    *("https://evil.example/", "https://evil.example/https://shop.example/"),
    *("http://shop.example/", "https://shop.example:8443/", "https://pay.shop.example/"),
    *("https://pay.shop.example:84430/", "https://pay.shop.example:8443.evil.example/"),
    *("https://localhost:8080/", "http://localhost/", "http://localhost:80801/"),
    *("https://shop.example.evil.example/", "https://evilshop.example/"),
    *(
        "https://www.shop.example/",
        "https://shop.example-evil.example/",
        "https://shop.exampleevil/",
    ),
    # a user
    *("https://shop.example@evil.example/", "https://shop.example:x@evil.example/"),
    *("https://user@shop.example/", "https://user:pass@shop.example/", "https://@shop.example/"),
    "https://evil.example#@shop.example/",
    # what browsers correct, so that it may be another origin there
    *("https://shop.example\\@evil.example/", "https:\\\\shop.example\\", "https:/\\shop.example/"),
    *("https://shop.example/\\evil.example", "\\\\shop.example/"),
    *("https://shop.example\t/", "https://shop\n.example/", "\thttps://shop.example/"),
    *(" https://shop.example/", "https://shop.example/ ", "https://shop.example/a b"),
    *("https://shop.example/\r\nLocation: https://evil.example", "https://shop.example/\x7f"),
    *("https://shop.example/\0", "https://shop.example/\x1b[0m", "\ufeffhttps://shop.example/"),
    *("HTTPS://shop.example/", "https://SHOP.example/", "https://shop.Example/"),
    *("https://shop.example./", "https://shop..example/", "https://.shop.example/"),
    *("https://shop.example:443/", "https://shop.example:/", "https://shop.example:0443/"),
    *("https://pay.shop.example:08443/", "https://pay.shop.example:+8443/"),
    *("https://sh\u00f6p.example/", "https://shop\uff0eexample/", "https://\u017fhop.example/"),
    *(
        "https://shop.example\u3002evil.example/",
        "https://shop%2eexample/",
        "https://shop.ex\u00adample/",
    ),
    *("https://shop.example%00.evil.example/", "https://[shop.example]/", "https://*.example/"),
    # what is no part of a URL
    *(
        "https://shop.example/%",
        "https://shop.example/%zz",
        'https://shop.example/"',
        "https://shop.example/<x>",
    ),
    *("https://shop.example/\u00fc", "https://shop.example/{id}"),
    f"{SHOP}/{'x' * (MAX_URL - len(SHOP))}",
]


@pytest.mark.parametrize("url", INVALID, ids=ascii)
async def test_any_other_one_gets_400_and_nothing_is_claimed(
    client: Client, world: HttpWorld, url: object
) -> None:
    response = await pay(client, returnUrl=url)

    assert (response.status_code, error_fields(response)) == (400, {"returnUrl"})
    assert not world.order().payments
    assert not tokens


async def test_without_allowed_origins_every_one_gets_400(world: HttpWorld) -> None:
    async with world.client() as client:
        response = await pay(client, returnUrl=f"{SHOP}/done")
        plain = await pay(client)

    assert (response.status_code, error_fields(response)) == (400, {"returnUrl"})
    assert plain.status_code == 201
    assert [token.return_url for token in tokens] == [None]


def test_a_doubled_one_is_refused_even_if_both_are_allowed() -> None:
    content = b'{"token": "tok_visa", "orderId": "order-1", "returnUrl": "%s", "returnUrl": "%s"}'
    fields = JsonFields.of(content % (SHOP.encode(), SHOP.encode()))
    fields.url("returnUrl", ORIGINS)

    assert [each.field for each in fields.details] == ["returnUrl"]


@given(st.text(max_size=40), st.sampled_from(["", "/", "?", "#", ":", "@", "\\", ".", "//"]))
def test_whatever_follows_an_origin_never_leads_to_another_one(rest: str, separator: str) -> None:
    if is_url_of(f"{SHOP}{separator}{rest}", ORIGINS):
        assert f"{separator}{rest}"[:1] in ("", "/", "?", "#")


@given(st.text())
def test_no_text_is_a_url_of_no_origin(text: str) -> None:
    assert not is_url_of(text, ())


@pytest.mark.parametrize(
    "origin",
    [
        *("https://shop.example", "https://shop.example:8443", "https://xn--shp-sna.example"),
        *(
            "https://localhost",
            "http://localhost",
            "http://localhost:8080",
            "http://shop.localhost",
        ),
        *(
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://192.0.2.1",
            "https://[2001:db8::1]",
        ),
    ],
)
def test_an_origin_is_one_as_browsers_write_it(origin: str) -> None:
    assert is_origin(origin)
    assert is_url_of(f"{origin}/done", (origin,))


async def test_a_repeat_with_another_url_is_another_request(client: Client) -> None:
    key = {"idempotency-key": "key"}
    first = await pay(client, headers=key, returnUrl=f"{SHOP}/a")
    again = await pay(client, headers=key, returnUrl=f"{SHOP}/a")
    other = await pay(client, headers=key, returnUrl=f"{SHOP}/b")
    none = await pay(client, headers=key)

    assert (first.status_code, again.json()) == (201, first.json())
    assert (other.status_code, none.status_code) == (422, 422)
    assert len(tokens) == 1


class NamedAfterItsAdapter(HttpWorld):
    """A world whose settings have another name for the gateway than its events."""

    @property
    def gateways(self) -> Gateways:
        return Gateways((ConfiguredGateway(self.gateway, "my-adapter"),))


@pytest.mark.parametrize("name", ["in_memory", "my-adapter"])
async def test_the_gateway_may_be_named_as_in_events_and_in_the_settings(name: str) -> None:
    world = NamedAfterItsAdapter()
    await world.create_order()
    async with world.client() as client:
        paid = await pay(client, gateway=name)
    assert (paid.status_code, paid.json()["gateway"]) == (201, "in_memory")


@pytest.mark.parametrize("name", ["paypal", "", None, 7, [], {}, "IN_MEMORY", "x" * 1000], ids=repr)
async def test_another_gateway_gets_400_and_nothing_is_claimed(
    client: Client, world: HttpWorld, name: object
) -> None:
    response = await pay(client, gateway=name)

    assert (response.status_code, error_fields(response)) == (400, {"gateway"})
    assert not world.order().payments


@pytest.mark.parametrize("token", ["tok_visa", "pm_card_visa", "ctoken_1PqR", "seti_1", "any text"])
async def test_every_kind_of_token_reaches_the_gateway(client: Client, token: str) -> None:
    assert (await pay(client, token)).status_code == 201
    assert [each.value for each in tokens] == [token]


def test_a_command_shows_neither_token_nor_url() -> None:
    content = b'{"token": "ctoken_1", "orderId": "order-1", "returnUrl": "%s/?secret=1"}'
    rules = PaymentRules(return_origins=ORIGINS)
    command = parse_payment(content % SHOP.encode(), PAYER, (), rules)

    assert command.token.return_url == f"{SHOP}/?secret=1"
    assert "ctoken" not in repr(command)
    assert "secret" not in repr(command)
