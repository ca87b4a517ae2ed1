"""What each reply of PayPal means."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from domain.capture import CaptureFailed
from domain.outcome import (
    Approved,
    Authorized,
    Charged,
    Declined,
    Pending,
    Refused,
    RequiresAction,
)
from payments_kit.conformance.samples import a_payment, a_refund, as_authorized, to_capture
from tests.adapters.gateways.paypal_account import Account, manual, paypal_account

CAPTURE, READ = r"/capture$", "^/v2/checkout/orders/"


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with paypal_account() as account:
        yield account


@pytest.mark.parametrize(
    ("issue", "kind"),
    [
        ("INSTRUMENT_DECLINED", Declined),
        ("PAYER_CANNOT_PAY", Declined),
        ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", Declined),
        ("TRANSACTION_REFUSED", Declined),
        ("PAYEE_ACCOUNT_RESTRICTED", Refused),
        ("INVALID_CURRENCY_CODE", Refused),
        ("UNSUPPORTED_INTENT", Refused),
    ],
)
async def test_a_refused_capture_is_the_customer_s_fault_or_the_shop_s(
    account: Account, issue: str, kind: type[Declined | Refused]
) -> None:
    payment = await account.approved(a_payment())
    account.paypal.faults.add("status_before", CAPTURE, error={"issue": issue})
    outcome = await account.charge(payment)
    assert isinstance(outcome, kind)
    assert outcome.code == issue.lower()
    assert not account.has_taken
    # A result is final: nothing takes the money later.
    assert await account.gateway.find(payment) == Declined(issue.lower(), payment.reference)
    assert isinstance(await account.charge(payment), Declined)
    assert not account.has_taken


async def test_an_unknown_issue_is_a_refusal_once_the_order_shows_that_nothing_was_taken(
    account: Account,
) -> None:
    error = {"details": [{"issue": "BRAND_NEW", "description": "Ask us for me@shop.example."}]}
    payment = await account.approved(a_payment())
    account.paypal.faults.add("status_before", CAPTURE, status=422, error=error)
    outcome = await account.charge(payment)
    assert isinstance(outcome, Refused)
    assert outcome.code == "brand_new"
    assert "me@shop.example" not in outcome.message
    payment = await account.approved(a_payment())
    account.paypal.faults.add("status_after", CAPTURE, status=422, error=error)
    assert isinstance(await account.charge(payment), Charged)


async def test_an_order_that_says_it_is_captured_already_is_looked_at(account: Account) -> None:
    payment = await account.approved(a_payment())
    error = {"issue": "ORDER_ALREADY_CAPTURED"}
    account.paypal.faults.add("status_after", CAPTURE, status=422, error=error)
    assert isinstance(await account.charge(payment), Charged)
    payment = await account.approved(a_payment())
    account.paypal.faults.add("status_before", CAPTURE, status=422, error=error)
    with pytest.raises(OutcomeUnknown):
        await account.charge(payment)


async def test_a_customer_who_must_go_to_paypal_again_gets_the_address(account: Account) -> None:
    payment = await account.approved(a_payment())
    links = [{"rel": "payer-action", "href": "https://www.paypal.com/checkoutnow?token=1"}]
    details = [{"issue": "PAYER_ACTION_REQUIRED", "description": "Instruct the buyer."}]
    account.paypal.faults.add(
        "status_before", CAPTURE, status=422, error={"details": details, "links": links}
    )
    action = await account.charge(payment)
    assert isinstance(action, RequiresAction)
    assert action.redirect_url == links[0]["href"]
    assert not account.has_taken


@pytest.mark.parametrize("kind", ["truncate", "garbage", "reset_after"])
async def test_a_broken_reply_leaves_the_outcome_unknown_and_the_money_is_found(
    account: Account, kind: Any
) -> None:
    payment = await account.approved(a_payment())
    account.paypal.faults.add(kind, CAPTURE)
    with pytest.raises(OutcomeUnknown):
        await account.charge(payment)
    assert isinstance(await account.gateway.find(payment), Charged)


@pytest.mark.parametrize("status", [500, 502, 503, 409, 418])
async def test_a_failure_of_paypal_before_the_charge_takes_nothing(
    account: Account, status: int
) -> None:
    payment = await account.approved(a_payment())
    account.paypal.faults.add("status_before", READ, method="GET", status=status)
    with pytest.raises(GatewayUnavailable):
        await account.charge(payment)
    account.paypal.faults.add("status_before", READ, method="GET", status=status)
    with pytest.raises(OutcomeUnknown):
        await account.gateway.find(payment)
    assert not account.attempts


async def test_too_many_requests_or_a_missing_right_before_the_charge_take_nothing(
    account: Account,
) -> None:
    payment = await account.approved(a_payment())
    account.paypal.faults.add("status_before", READ, method="GET", status=429)
    with pytest.raises(GatewayUnavailable):
        await account.charge(payment)
    account.paypal.faults.add("status_before", READ, method="PATCH", status=403)
    with pytest.raises(KeyRefused):
        await account.charge(payment)
    account.paypal.faults.add("status_before", READ, method="GET", status=403)
    with pytest.raises(LookupRefused):
        await account.gateway.find(payment)
    account.paypal.faults.add("status_before", READ, method="GET", status=403)
    with pytest.raises(LookupRefused):
        await account.gateway.take(payment)
    assert not account.attempts


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, OutcomeUnknown) for status in (409, 418, 500, 502, 503, 504)),
        (429, GatewayUnavailable),
        *((status, KeyRefused) for status in (401, 403)),
    ],
)
async def test_a_status_means_what_paypal_documents(
    account: Account, status: int, error: type[Exception]
) -> None:
    payment = await account.approved(a_payment())
    charged = await account.charge(payment)
    assert isinstance(charged, Charged)
    account.paypal.faults.add("status_before", "/refund$", status=status, times=-1)
    with pytest.raises(error) as raised:
        await account.gateway.refund(payment, a_refund(payment, charged))
    assert isinstance(raised.value, KeyRefused) is (status in (401, 403))


async def test_too_many_requests_at_the_capture_leave_it_to_recovery(account: Account) -> None:
    payment = await account.approved(a_payment())
    account.paypal.faults.add("status_before", CAPTURE, status=429)
    with pytest.raises(OutcomeUnknown):
        await account.charge(payment)
    assert isinstance(await account.gateway.find(payment), Approved)
    assert isinstance(await account.gateway.take(payment), Charged)


async def test_concurrent_takes_capture_once(account: Account) -> None:
    payment = await account.approved(a_payment())
    takes = (account.gateway.take(payment) for _ in range(6))
    results = await asyncio.gather(*takes, return_exceptions=True)
    assert all(isinstance(each, Charged | OutcomeUnknown) for each in results), results
    assert isinstance(await account.gateway.find(payment), Charged)
    assert len(account.paypal.ledger.captures) == 1


@pytest.mark.parametrize("reason", ["ECHECK", "PENDING_REVIEW", "SOMETHING_NEW"])
async def test_a_pending_capture_is_pending_for_any_reason(account: Account, reason: str) -> None:
    payment = await account.approved(a_payment(), "echeck")
    pending = await account.charge(payment)
    assert pending == Pending(payment.reference)
    [capture] = account.paypal.ledger.captures.values()
    capture["status_details"] = {"reason": reason}
    assert await account.gateway.find(payment) == pending


@pytest.mark.parametrize("status", ["DECLINED", "FAILED"])
async def test_a_capture_that_failed_is_a_decline(account: Account, status: str) -> None:
    payment = await account.approved(a_payment())
    await account.charge(payment)
    [capture] = account.paypal.ledger.captures.values()
    capture["status"] = status
    found = await account.gateway.find(payment)
    assert found == Declined(status.lower(), payment.reference)


async def capture_in_parts(account: Account, held: Authorized, *values: str) -> None:
    """Capture an authorization in parts, as others can."""
    for value in values:
        body = {"amount": {"currency_code": "USD", "value": value}}
        path = f"/v2/payments/authorizations/{held.charge_id}/capture"
        await account.gateway.api.post(path, 5, body=body)


async def test_the_last_capture_that_failed_says_why(account: Account) -> None:
    payment = await account.approved(manual(a_payment(1000)))
    held = await account.charge(payment)
    assert isinstance(held, Authorized)
    await capture_in_parts(account, held, "4.00", "6.00")
    captures = account.paypal.ledger.captures.values()
    for made, status in zip(captures, ("FAILED", "DECLINED"), strict=True):
        made["status"] = status
    assert await account.gateway.find(payment) == Declined("declined", payment.reference)


async def test_money_that_is_still_held_after_a_failed_capture_is_authorized(
    account: Account,
) -> None:
    payment = await account.approved(manual(a_payment(1000)))
    held = await account.charge(payment)
    assert isinstance(held, Authorized)
    await capture_in_parts(account, held, "4.00")
    [made] = account.paypal.ledger.captures.values()
    [authorization] = account.paypal.ledger.authorizations.values()
    made["status"], authorization["status"] = "DECLINED", "CREATED"
    assert await account.gateway.find(payment) == held


async def test_an_unknown_status_is_not_final_and_logged(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await account.approved(a_payment())
    account.order(payment)["status"] = "ON_HOLIDAY"
    with pytest.raises(OutcomeUnknown):
        await account.gateway.find(payment)
    account.order(payment)["status"] = "APPROVED"
    await account.charge(payment)
    [capture] = account.paypal.ledger.captures.values()
    capture["status"] = "ON_HOLIDAY"
    with pytest.raises(OutcomeUnknown):
        await account.gateway.find(payment)
    assert caplog.text.count("ON_HOLIDAY") == 2


async def test_paypal_s_own_allowance_for_captures_is_not_used(account: Account) -> None:
    payment = await account.approved(manual(a_payment(1000)))
    outcome = await account.charge(payment)
    assert isinstance(outcome, Authorized)
    held = as_authorized(payment, outcome)
    failed = await account.gateway.capture(to_capture(held, 1100))
    assert isinstance(failed, CaptureFailed)
    assert not account.paypal.ledger.captures
    account.paypal.faults.add("status_before", "/void$", status=500)
    with pytest.raises(OutcomeUnknown):
        await account.gateway.cancel(held)


async def test_captures_in_parts_by_others_are_one_charge(account: Account) -> None:
    payment = await account.approved(manual(a_payment(1000)))
    outcome = await account.charge(payment)
    assert isinstance(outcome, Authorized)
    await capture_in_parts(account, outcome, "4.00", "2.50")
    found = await account.gateway.find(payment)
    assert isinstance(found, Charged)
    assert found.amount.minor_units == 650
