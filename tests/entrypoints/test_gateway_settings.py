"""Several gateways in the settings, and which of them a currency may use."""

from pathlib import Path

import pytest

from adapters.clock import utc_now
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from application.ports.gateway_plugin import InvalidSetting
from domain.capture import CaptureMode
from domain.money import Currency
from entrypoints.composition.gateways import (
    OpenGateways,
    open_gateways,
    readers_of,
    verifying_readers_of,
)
from entrypoints.settings import read_settings

COMPLETE = {
    "DATABASE_URL": "postgresql://shop@db/shop",
    "NATS_URL": "nats://one:4222",
    "JWT_KEY": "a-key",
    "STRIPE_KEY": "sk_test_0123456789",
}

PLUGINS = """
from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway

def till(environment):
    return InMemoryGateway(GatewayLedger(None), name="till")

def second_till(environment):
    return InMemoryGateway(GatewayLedger(None), name="till")

class AtOnce(InMemoryGateway):
    capture = None

def at_once(environment):
    return AtOnce(GatewayLedger(None), name="at-once")

def broken(environment):
    raise RuntimeError("hunter2")
"""

TILL = "shop_tills:till"


@pytest.fixture(autouse=True)
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_tills.py").write_text(PLUGINS)
    monkeypatch.syspath_prepend(tmp_path)


async def opened(**variables: str) -> OpenGateways:
    """Open the gateways of these settings; no connection is opened by it."""
    settings = read_settings({**COMPLETE, **variables})
    engine = create_engine(settings.database_url, 1, prepared=settings.database_prepared)
    try:
        async with open_gateways(settings, Database(engine), utc_now) as gateways:
            return gateways
    finally:
        await engine.dispose()


async def test_several_gateways_are_opened_in_the_order_of_the_settings() -> None:
    several = (await opened(PAYMENT_GATEWAY=f"stripe-charges, fake,{TILL}")).gateways
    assert [each.name for each in several] == ["stripe", "fake", "till"]
    assert [each.setting for each in several] == ["stripe-charges", "fake", TILL]
    assert several.default.name == "stripe"
    assert several.named(TILL) is several.named("till")
    assert several.named("stripe-charges") is several.named("stripe")
    assert several.named("stripe-payment-intents") is None


async def test_a_currency_uses_the_gateways_of_its_route_the_best_first() -> None:
    routes = f"EUR:{TILL}, stripe-charges ;jpy:fake;*:stripe-charges"
    several = (
        await opened(PAYMENT_GATEWAY=f"stripe-charges,fake,{TILL}", GATEWAY_ROUTES=routes)
    ).gateways

    def names(code: str) -> list[str]:
        return [each.name for each in several.for_currency(Currency(code))]

    assert names("eur") == ["till", "stripe"]
    assert names("jpy") == ["fake"]
    assert names("usd") == ["stripe"]


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"PAYMENT_GATEWAY": "fake,fake"}, "has the same gateway twice: fake is gateway 2"),
        ({"PAYMENT_GATEWAY": "fake,strype"}, "gateway 2 is unknown: each must be one of "),
        ({"PAYMENT_GATEWAY": "fake,,strype"}, "gateway 2 is empty: each must be one of "),
        (
            {"PAYMENT_GATEWAY": "stripe-charges,stripe-payment-intents"},
            "has the same gateway twice: stripe-payment-intents is gateway 2",
        ),
        (
            {"PAYMENT_GATEWAY": f"{TILL},shop_tills:second_till"},
            f"has the gateway till twice: {TILL} and shop_tills:second_till",
        ),
        (
            {"PAYMENT_GATEWAY": f"{TILL},shop_tills:broken"},
            "shop_tills:broken raised RuntimeError",
        ),
        ({"GATEWAY_ROUTES": "eur"}, "route 1 is not currency:gateway,gateway"),
        (
            {"GATEWAY_ROUTES": "eur:stripe-payment-intents;xyz:stripe-payment-intents"},
            "route 2 is not for an ISO 4217 currency, such as eur, or for *",
        ),
        (
            {"GATEWAY_ROUTES": "eur:adyen"},
            "adyen is not in PAYMENT_GATEWAY, which has stripe-payment-intents",
        ),
        (
            {"GATEWAY_ROUTES": "eur:fake,fake", "PAYMENT_GATEWAY": "fake"},
            "route 1 has the gateway fake twice",
        ),
        (
            {"GATEWAY_ROUTES": "eur:fake;EUR:fake", "PAYMENT_GATEWAY": "fake"},
            "has two routes for eur",
        ),
        ({"GATEWAY_ROUTES": "eur:fake,", "PAYMENT_GATEWAY": "fake"}, "route 1 has an empty"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line_that_names_the_variable(
    variables: dict[str, str], problem: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        await opened(**variables)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{next(iter(variables))}: {problem}")


async def test_one_gateway_that_can_authorize_is_enough_to_capture_later() -> None:
    at_once = "shop_tills:at_once"
    several = await opened(PAYMENT_GATEWAY=f"{at_once},fake", CAPTURE="manual")
    assert [each.can_take(CaptureMode.MANUAL) for each in several.gateways] == [False, True]
    with pytest.raises(InvalidSetting, match=r"^CAPTURE: manual, but at-once can capture"):
        await opened(PAYMENT_GATEWAY=at_once, CAPTURE="manual")


def test_each_gateway_requires_its_own_variables() -> None:
    with pytest.raises(InvalidSetting, match=r"^STRIPE_KEY: is required with "):
        read_settings({**COMPLETE, "PAYMENT_GATEWAY": "fake,stripe-charges", "STRIPE_KEY": ""})


PAYPAL = {"PAYMENT_GATEWAY": "paypal", "PAYPAL_CLIENT_ID": "A1", "PAYPAL_CLIENT_SECRET": "E1"}


def test_paypal_requires_its_credentials_and_not_those_of_stripe() -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_settings({**COMPLETE, "PAYMENT_GATEWAY": "fake,paypal", "STRIPE_KEY": ""})
    assert [each.partition(" ")[0] for each in caught.value.problems] == [
        "PAYPAL_CLIENT_ID:",
        "PAYPAL_CLIENT_SECRET:",
    ]
    settings = read_settings({**COMPLETE, **PAYPAL, "STRIPE_KEY": ""})
    assert "E1" not in repr(settings)


@pytest.mark.parametrize(
    ("base", "is_live"),
    [("", True), ("https://api-m.sandbox.paypal.com", False), ("http://127.0.0.1:1", False)],
)
async def test_paypal_moves_real_money_at_its_live_address_only(base: str, is_live: bool) -> None:
    gateways = (await opened(**PAYPAL, PAYPAL_API_BASE=base)).gateways
    assert gateways.default.name == "paypal"
    assert gateways.default.livemode is is_live
    assert gateways.default.can_take(CaptureMode.MANUAL)
    assert gateways.default.reader is None


async def test_paypal_has_a_reader_of_notifications_with_the_id_of_its_webhook() -> None:
    gateways = (await opened(**PAYPAL, PAYPAL_WEBHOOK_ID="8PT597110X687430L")).gateways
    assert gateways.default.reader is not None
    assert gateways.default.public_key == "A1"


@pytest.mark.parametrize(("webhook_id", "is_read"), [("8PT597110X687430L", True), ("", False)])
async def test_earlier_payments_of_paypal_may_change_after_it_is_gone_from_the_settings(
    webhook_id: str, is_read: bool
) -> None:
    gateways = (await opened(PAYMENT_GATEWAY="fake")).gateways
    settings = read_settings({**COMPLETE, "PAYPAL_WEBHOOK_ID": webhook_id})
    assert ("paypal" in verifying_readers_of(settings, gateways, utc_now)) is is_read


async def test_what_was_kept_of_stripe_can_be_read_again_without_a_secret() -> None:
    gateways, settings = (await opened()).gateways, read_settings(COMPLETE)
    assert "stripe" in readers_of(settings, gateways, utc_now)
    assert "stripe" not in verifying_readers_of(settings, gateways, utc_now)
