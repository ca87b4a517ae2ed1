"""What ports say of themselves: names, defaults, limits and the words of their errors."""

import pytest
from attrs import evolve, fields

from application.ports.alerts import MAX_LISTED as MAX_ALERTS
from application.ports.alerts import MAX_SUBJECT, MAX_TEXT, AlertKind
from application.ports.backlog import MAX_COUNTED, Backlog
from application.ports.books import new_payment_id
from application.ports.differences import MAX_VALUE
from application.ports.event_publisher import BrokerUnsuitable
from application.ports.gateway_history import MAX_LISTED
from application.ports.gateway_notifications import (
    DisputeNotification,
    InvalidNotification,
    PaymentNotification,
    RefusedBecause,
    reader_of,
)
from application.ports.gateway_plugin import InvalidSetting
from application.ports.gateway_records import GatewayRecords, Page
from application.ports.gateway_sessions import MAX_REFERENCE_LENGTH, GatewaySessions
from application.ports.gateways import (
    ANY_CURRENCY,
    ConfiguredGateway,
    GatewayNotConfigured,
    Gateways,
)
from application.ports.history_roots import RECORDED_AT_ONCE
from application.ports.order_histories import PAGE
from application.ports.payment_gateway import MAX_KEY_LENGTH, CardToken
from application.ports.payment_pages import MAX_PAYMENTS
from application.ports.unusable_notifications import MAX_REASON
from domain.capture import CaptureMode
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId
from domain.money import Currency
from tests.builders import PAYMENT, a_payment, dollars
from tests.world import AtOnceGateway, World

USD, EUR = Currency("usd"), Currency("eur")


def test_a_gateway_has_two_names() -> None:
    world = World()
    world.add_gateway("other")
    one, two = (ConfiguredGateway(each.gateway, f"{each.name}-setting") for each in world.gateways)
    gateways = Gateways((one, two))
    assert gateways.names == {"in_memory", "in_memory-setting", "other", "other-setting"}
    for name, found in (("other", two), ("other-setting", two), ("in_memory", one), ("x", None)):
        assert gateways.named(name) is found
    assert gateways.default is one
    assert list(gateways) == [one, two]
    [only] = Gateways.only(world.gateway)
    assert (only.name, only.setting, only.livemode) == ("in_memory", "in_memory", False)


def test_a_currency_has_its_route_or_that_of_any_or_all() -> None:
    world = World()
    world.add_gateway("other")
    one, two = world.gateways
    assert Gateways((one, two)).for_currency(USD) == (one, two)
    routed = Gateways((one, two), {"usd": (two,), ANY_CURRENCY: (one,)})
    assert (routed.for_currency(USD), routed.for_currency(EUR)) == ((two,), (one,))
    assert Gateways((one, two), {"usd": (two,)}).for_currency(EUR) == (one, two)
    assert ANY_CURRENCY == "*"


def test_only_what_can_capture_later_is_offered_for_that() -> None:
    world = World(gateway_type=AtOnceGateway)
    world.add_gateway("later", type(World().gateway))
    at_once, later = gateways = world.gateways
    assert gateways.offered(USD, CaptureMode.AUTOMATIC) == (at_once, later)
    assert gateways.offered(USD, CaptureMode.MANUAL) == (later,)
    can = [at_once.can_take(each) for each in CaptureMode]
    assert can == [each is CaptureMode.AUTOMATIC for each in CaptureMode]
    assert all(later.can_take(each) for each in CaptureMode)


@pytest.mark.parametrize(("livemode", "mode"), [(True, "live"), (False, "test")])
def test_a_gateway_that_is_missing_is_named_with_its_mode(livemode: bool, mode: str) -> None:
    payment = evolve(a_payment(), livemode=livemode, gateway="bank")
    missing = GatewayNotConfigured(payment)
    assert missing.gateway == "bank"
    assert mode in str(missing)
    gateway = World().gateway
    gateway.livemode = livemode
    at = ConfiguredGateway(gateway, "any")
    assert at.livemode is livemode
    assert at.has(evolve(a_payment(), livemode=livemode))
    assert not at.has(evolve(a_payment(), livemode=not livemode))


def test_a_reader_is_an_attribute_of_an_adapter() -> None:
    class WithReader:
        name, livemode = "bank", False
        notification_reader = object()

    assert reader_of(WithReader()) is WithReader.notification_reader
    assert ConfiguredGateway(WithReader(), "bank").reader is WithReader.notification_reader  # type: ignore[arg-type]
    assert reader_of(World().gateway) is None


def test_errors_say_what_is_wrong() -> None:
    invalid = InvalidNotification("too old", RefusedBecause.WRONG_TIME)
    assert (str(invalid), invalid.because) == ("too old", RefusedBecause.WRONG_TIME)
    assert InvalidNotification("no JSON").because is RefusedBecause.UNREADABLE
    unsuitable = BrokerUnsuitable(AlertKind.CONSUMER_UNSUITABLE, "ORDERS", "it forgets")
    assert (str(unsuitable), unsuitable.subject) == ("it forgets", "ORDERS")


def test_settings_that_are_wrong_are_told_together() -> None:
    one, two = InvalidSetting("PORT", "no number"), InvalidSetting("HOST", "no name")
    assert str(one) == "PORT: no number"
    together = InvalidSetting.together([one, two])
    assert together.problems == ("PORT: no number", "HOST: no name")
    assert set(together.variables) == {"PORT", "HOST"}


def test_defaults_say_nothing() -> None:
    named = PaymentNotification("evt", PaymentId(PAYMENT))
    assert (named.outcome, named.claimed, named.refunded, named.may_be_late) == (
        *(None, None, None),
        False,
    )
    dispute = DisputeNotification(
        "evt", ChargeId("ch"), DisputeId("dp"), dollars("1"), "fraud", DisputeStatus.OPEN
    )
    assert evolve(dispute, unknown_status="tomorrow") == dispute  # the word is not stored
    assert dispute.unknown_status is None
    assert GatewayRecords().delay.total_seconds() == 0
    assert Page[object](()).foreign == 0
    assert fields(Backlog).differences.default == 0
    token = CardToken("tok_secret", "https://shop.example/secret")
    assert "secret" not in f"{token} {token!r}"


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256])
def test_a_reference_has_one_to_255_characters(length: int) -> None:
    sessions = GatewaySessions(reference_of=lambda token: token)
    expected = "x" * length if 0 < length <= 255 else None
    assert sessions.reference("x" * length) == expected
    assert MAX_REFERENCE_LENGTH == 255


async def test_an_id_of_a_payment_has_36_characters() -> None:
    class Books:
        async def identity(self) -> str:
            return "12345678"

    assert await new_payment_id(Books(), "x" * 32) == "x" * 28 + "12345678"  # type: ignore[arg-type]


def test_limits_are_what_the_documentation_and_the_tables_have() -> None:
    assert (MAX_SUBJECT, MAX_TEXT, MAX_ALERTS, MAX_REASON, MAX_VALUE) == (100, 500, 1000, 500, 200)
    assert (MAX_COUNTED, MAX_LISTED, MAX_PAYMENTS, PAGE) == (10_000, 1000, 200, 500)
    assert (MAX_KEY_LENGTH, RECORDED_AT_ONCE) == (64, 10_000)
