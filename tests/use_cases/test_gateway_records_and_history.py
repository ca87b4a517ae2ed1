"""What an adapter may offer besides the port: found by name, and checked at each call."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from application.ports import gateway_records
from application.ports.gateway_captures import GatewayCaptures
from application.ports.gateway_history import GatewayHistory, ListedCharge, UnreadableCharge
from application.ports.gateway_movements import GatewayMovements
from application.ports.gateway_notifications import UnrelatedNotification
from application.ports.gateway_records import (
    FailedCharge,
    GatewayRecords,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
)
from application.ports.gateway_sessions import GatewaySessions
from application.ports.gateways import ConfiguredGateway
from application.ports.payment_gateway import GatewayUnavailable, LookupRefused, OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Currency
from domain.movement import Payout
from domain.outcome import Declined
from domain.refund import Refunded, ReportedRefund
from tests.builders import NOW, a_payment, charged, dollars
from tests.movements import a_movement
from tests.world import World

PERIOD = Period(NOW, NOW)
CHARGE = ListedCharge(a_payment(), charged(), dollars("0"))
FAILED = FailedCharge(a_payment(), ChargeId("ch"), Declined("no"))
UNREADABLE = UnreadableCharge(UnrelatedNotification("evt"), b"")
REFUND = ListedRefund(UnrelatedNotification("evt"), b"")  # type: ignore[arg-type]
DISPUTE = ListedDispute(UnrelatedNotification("evt"), b"")  # type: ignore[arg-type]
REPORTED = ReportedRefund("re", dollars("1"), Refunded("re", dollars("1")))
PAYOUT = Payout("po_1", Currency("usd"), 5, NOW, NOW.date(), is_itemized=True)


class Adapter:
    """An adapter with one method more than the port has."""

    name, livemode = "bank", False

    def __init__(self, name: str, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[object, ...]] = []
        setattr(self, name, self.method)

    async def method(self, *arguments: object) -> Any:
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def offered(kind: Any, adapter: Adapter, attribute: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(kind.of(adapter), attribute)
    return found


PAGES: list[Any] = [
    (GatewayRecords, "charge_records", "charges", [CHARGE, FAILED, UNREADABLE], REFUND),
    (GatewayRecords, "refund_records", "refunds", [REFUND], DISPUTE),
    (GatewayRecords, "dispute_records", "disputes", [DISPUTE], REFUND),
    (GatewayMovements, "list_movements", "list_movements", [a_movement()], CHARGE),
    (GatewayMovements, "list_payout_movements", "list_payout_movements", [a_movement()], CHARGE),
    (GatewayMovements, "list_payouts", "list_payouts", [PAYOUT], CHARGE),
]
LISTS: list[Any] = [
    ("list_charges", [CHARGE, UNREADABLE], REPORTED, "ListedCharge"),
    ("list_refunds", [REPORTED], CHARGE, "ReportedRefund"),
]
ERRORS: list[Any] = [
    (OutcomeUnknown("lost"), OutcomeUnknown, "lost"),
    (LookupRefused("forbidden"), LookupRefused, "forbidden"),
    (ZeroDivisionError("secret"), LookupRefused, "raised ZeroDivisionError"),
]
NAMES = [
    *((kind, name, attribute) for kind, name, attribute, *_ in PAGES),
    *((GatewayHistory, name, name) for name, *_ in LISTS),
    (GatewayMovements, "find_payout", "find_payout"),
    (GatewayCaptures, "capture", "capture"),
    *((GatewaySessions, name, name) for name in ("create_session", "reference_of", "take")),
]


@pytest.mark.parametrize(("kind", "name", "attribute"), NAMES)
def test_a_method_of_the_right_name_is_found_and_nothing_else(
    kind: Any, name: str, attribute: str
) -> None:
    found = kind.of(Adapter(name, []))
    others = [each for _, each, attribute in NAMES if _ is kind and each != name]
    assert getattr(found, attribute) is not None
    for other in others:
        place = next(each for _, name, each in NAMES if name == other)
        assert getattr(found, place) is None
    adapter = Adapter(name, [])
    setattr(adapter, name, "text")
    assert getattr(kind.of(adapter), attribute) is None


@pytest.mark.parametrize(("kind", "name", "attribute", "records", "wrong"), PAGES)
async def test_a_page_is_checked(
    kind: Any, name: str, attribute: str, records: Sequence[Any], wrong: Any
) -> None:
    page = Page[Any](records, "x" * 500)
    adapter = Adapter(name, page)
    method = offered(kind, adapter, attribute)
    assert await method(PERIOD, "before") is page
    assert adapter.asked == [(PERIOD, "before")]
    refused: dict[str, list[Any]] = {
        "does not return a page of": [[*records], Page[Any]([*records, wrong]), None],
        "returned 1001 records at once": [Page[Any]([records[0]] * 1001)],
        "a cursor that is not a short text": [Page[Any]((), ""), Page[Any]((), "x" * 501)],
        "the cursor that it was asked with": [Page[Any]((), "before")],
    }
    for words, pages in refused.items():
        for each in pages:
            adapter.answer = each
            with pytest.raises(LookupRefused, match=words):
                await method(PERIOD, "before")
    adapter.answer = Page[Any]([records[0]] * 1000)
    assert (await method(PERIOD, None)).cursor is None


@pytest.mark.parametrize(
    ("error", "raised", "words"),
    [*ERRORS, (GatewayUnavailable("busy"), OutcomeUnknown, "busy")],
)
@pytest.mark.parametrize(
    ("kind", "name", "attribute"),
    [*(each[:3] for each in PAGES), (GatewayMovements, "find_payout", "find_payout")],
)
async def test_a_page_that_fails_is_unknown_or_refused(
    kind: Any, name: str, attribute: str, error: Exception, raised: type[Exception], words: str
) -> None:
    method = offered(kind, Adapter(name, error), attribute)
    arguments = ("po_1",) if name == "find_payout" else (PERIOD, None)
    with pytest.raises(raised, match=words) as failed:
        await method(*arguments)
    assert type(failed.value) is raised
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(("name", "records", "wrong", "kind"), LISTS)
async def test_a_list_is_checked(name: str, records: Sequence[Any], wrong: Any, kind: str) -> None:
    adapter = Adapter(name, tuple(records))
    method = offered(GatewayHistory, adapter, name)
    assert await method(NOW, NOW) == records
    assert adapter.asked == [(NOW, NOW)]
    for answer in ([*records, wrong], 7, None):
        adapter.answer = answer
        with pytest.raises(LookupRefused, match=f"{kind}|raised TypeError"):
            await method(NOW, NOW)
    for error, raised, words in [*ERRORS, (GatewayUnavailable("b"), GatewayUnavailable, "b")]:
        adapter.answer = error
        with pytest.raises(raised, match=words):
            await method(NOW, NOW)


async def test_a_page_has_the_time_of_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Adapter):
        async def method(self, *arguments: object) -> Any:
            await asyncio.sleep(60)

    monkeypatch.setattr(gateway_records, "LOOKUP_SECONDS", 0.01)
    method = offered(GatewayRecords, Slow("charge_records", None), "charges")
    with pytest.raises(OutcomeUnknown, match="`charge_records` took more than 0 s"):
        await method(PERIOD, None)


@pytest.mark.parametrize(
    ("delay", "expected"), [(timedelta(hours=3), 3), (None, 0), (7, 0), ("3 h", 0)]
)
def test_a_delay_of_records_is_a_time(delay: object, expected: int) -> None:
    adapter = Adapter("charge_records", [])
    adapter.records_delay = delay  # type: ignore[attr-defined]
    assert GatewayRecords.of(adapter).delay == timedelta(hours=expected)  # type: ignore[arg-type]
    del adapter.records_delay  # type: ignore[attr-defined]
    assert GatewayRecords.of(adapter).delay == timedelta(0)  # type: ignore[arg-type]


async def test_a_payout_is_one_or_none() -> None:
    adapter = Adapter("find_payout", None)
    method = offered(GatewayMovements, adapter, "find_payout")
    assert await method("po_1") is None
    adapter.answer = PAYOUT
    assert await method("po_1") is PAYOUT
    del adapter.asked[1:]
    assert adapter.asked == [("po_1",)]
    adapter.answer = CHARGE
    with pytest.raises(LookupRefused, match="does not return a Payout"):
        await method("po_1")


@pytest.mark.parametrize("missing", ["list_payouts", "find_payout", "list_payout_movements"])
def test_what_was_paid_out_is_known_if_all_three_are_there(missing: str) -> None:
    adapter = Adapter("list_movements", [])
    for name in ("list_payouts", "find_payout", "list_payout_movements"):
        setattr(adapter, name, adapter.method)
    assert GatewayMovements.of(adapter).has_payouts  # type: ignore[arg-type]
    delattr(adapter, missing)
    assert not GatewayMovements.of(adapter).has_payouts  # type: ignore[arg-type]


def test_a_public_key_is_a_text() -> None:
    adapter = Adapter("public_key", [])
    assert ConfiguredGateway(adapter, "bank").public_key is None  # type: ignore[arg-type]
    adapter.public_key = "pk_1"  # type: ignore[attr-defined]
    assert ConfiguredGateway(adapter, "bank").public_key == "pk_1"  # type: ignore[arg-type]
    assert ConfiguredGateway(World().gateway, "bank").public_key is None
