"""What Stripe's adapters send for a charge, and what they make of each answer."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from adapters.gateways import stripe_charges, stripe_client, stripe_payment_intents
from adapters.gateways.stripe.charges import StripeCharges
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.payment_intents import StripePaymentIntents
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.identifiers import OrderId
from domain.outcome import Charged, Declined, RequiresAction
from payments_kit.conformance.promises import a_payment, a_refund
from payments_kit.doubles.stripe import intents
from payments_kit.doubles.stripe.faults import Kind
from payments_kit.doubles.stripe.ledger import Plan
from tests.adapters.gateways.stripe import KEY, AtStripe, at_stripe

VISA = CardToken("tok_visa")
CHARGES, INTENTS, METHODS = "/v1/charges", "/v1/payment_intents", "/v1/payment_methods"
EACH = pytest.mark.parametrize(("adapter", "path"), [("charges", CHARGES), ("intents", INTENTS)])


@pytest.fixture
async def at() -> AsyncIterator[AtStripe]:
    async with at_stripe() as at:
        yield at


def adapter_of(at: AtStripe, name: str) -> StripeCharges | StripePaymentIntents:
    return at.charges if name == "charges" else at.intents


# --- what is sent ------------------------------------------------------------------------------


async def test_a_charge_carries_its_payment_as_key_and_metadata(at: AtStripe) -> None:
    payment = a_payment(1999)
    await at.charges.charge(payment, VISA)
    (request,) = at.sent(CHARGES)
    assert request["key"] == payment.id
    assert request["params"] == {
        "amount": "1999",
        "currency": "usd",
        "source": "tok_visa",
        "metadata": {"payment_id": payment.id, "order_id": payment.order_id},
    }


async def test_an_intent_is_made_from_a_token_in_two_requests_with_a_key_each(at: AtStripe) -> None:
    payment = a_payment()
    await at.intents.charge(payment, VISA)
    (method,), (intent,) = at.sent(METHODS), at.sent(INTENTS)
    assert (method["key"], intent["key"]) == (f"{payment.id}:method", payment.id)
    labels = {"payment_id": payment.id, "order_id": payment.order_id}
    assert method["params"]["metadata"] == intent["params"]["metadata"] == labels
    assert intent["params"]["confirm"] == "true"
    assert intent["params"]["automatic_payment_methods"]["allow_redirects"] == "never"


async def test_a_payment_method_is_charged_in_one_request(at: AtStripe) -> None:
    outcome = await at.intents.charge(a_payment(), CardToken("pm_card_visa"))
    assert isinstance(outcome, Charged)
    assert at.sent(METHODS) == []


async def test_the_metadata_of_an_intent_is_on_its_charge(at: AtStripe) -> None:
    payment = a_payment()
    await at.intents.charge(payment, VISA)
    (charge,) = at.stripe.ledger.charges.values()
    assert charge["metadata"]["payment_id"] == payment.id


@EACH
async def test_an_order_id_too_long_for_metadata_is_cut(
    at: AtStripe, adapter: str, path: str
) -> None:
    payment = evolve(a_payment(), order_id=OrderId("o" * 600))
    assert isinstance(await adapter_of(at, adapter).charge(payment, VISA), Charged)
    assert len(at.sent(path)[0]["params"]["metadata"]["order_id"]) == 500


@EACH
async def test_what_stripe_cannot_express_is_declined_before_anything_is_sent(
    at: AtStripe, adapter: str, path: str
) -> None:
    outcome = await adapter_of(at, adapter).charge(a_payment(1234, "kwd"), VISA)
    assert outcome == Declined("amount_not_supported")
    assert not at.stripe.double.recent


# --- what is answered --------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("tok_chargeDeclined", "generic_decline"),
        ("tok_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("tok_chargeDeclinedExpiredCard", "expired_card"),
        ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("tok_chargeDeclinedProcessingError", "processing_error"),
        ("tok_of_nobody", "resource_missing"),
    ],
)
async def test_a_refusal_is_declined_with_its_most_telling_code(
    at: AtStripe, adapter: str, path: str, token: str, code: str
) -> None:
    outcome = await adapter_of(at, adapter).charge(a_payment(), CardToken(token))
    assert isinstance(outcome, Declined)
    assert outcome.code == code


@EACH
async def test_an_amount_below_stripe_s_minimum_is_declined(
    at: AtStripe, adapter: str, path: str
) -> None:
    outcome = await adapter_of(at, adapter).charge(a_payment(10), VISA)
    assert outcome == Declined("amount_too_small")


@EACH
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, GatewayUnavailable),
        (403, GatewayUnavailable),
        (429, GatewayUnavailable),
        (409, OutcomeUnknown),
        (424, OutcomeUnknown),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
    ],
)
async def test_a_status_means_what_stripe_says_it_means(
    at: AtStripe, adapter: str, path: str, status: int, error: type[Exception]
) -> None:
    at.stripe.faults.add("status_before", f"^{path}$", status=status)
    with pytest.raises(error):
        await adapter_of(at, adapter).charge(a_payment(), VISA)
    assert not at.stripe.ledger.charges


@EACH
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503])
async def test_a_page_in_place_of_stripe_s_answer_says_nothing(
    at: AtStripe, adapter: str, path: str, status: int
) -> None:
    at.stripe.faults.add("status_after", f"^{path}$", status=status, html=True)
    with pytest.raises(OutcomeUnknown):
        await adapter_of(at, adapter).charge(a_payment(), VISA)


@EACH
@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "truncate", "garbage"])
async def test_a_broken_answer_leaves_the_outcome_unknown(
    at: AtStripe, adapter: str, path: str, kind: Kind
) -> None:
    at.stripe.faults.add(kind, f"^{path}$")
    with pytest.raises(OutcomeUnknown) as unknown:
        await adapter_of(at, adapter).charge(a_payment(), VISA)
    # The SDK's own error quotes bodies, so a log must not come across it.
    assert unknown.value.__context__ is unknown.value.__cause__ is None


@EACH
async def test_an_answer_that_does_not_come_leaves_the_outcome_unknown(
    at: AtStripe, adapter: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_charges, "_CHARGE_SECONDS", 0.2)
    monkeypatch.setattr(stripe_payment_intents, "_CONFIRM_SECONDS", 0.2)
    at.stripe.faults.add("timeout_after", f"^{path}$")
    payment = a_payment()
    with pytest.raises(OutcomeUnknown):
        await adapter_of(at, adapter).charge(payment, VISA)
    assert isinstance(await adapter_of(at, adapter).find(payment), Charged)


@EACH
async def test_a_call_ends_in_time_whatever_it_is_doing(
    at: AtStripe, adapter: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_client, "CALL_SECONDS", 0.2)
    at.stripe.faults.add("timeout_before", method="*", times=-1)
    with pytest.raises(OutcomeUnknown):
        await adapter_of(at, adapter).find(a_payment())


@EACH
async def test_a_charge_still_pending_is_unknown_until_it_ends(
    at: AtStripe, adapter: str, path: str
) -> None:
    at.stripe.ledger.next_charges.append(Plan("pending"))
    payment, gateway = a_payment(), adapter_of(at, adapter)
    with pytest.raises(OutcomeUnknown):
        await gateway.charge(payment, VISA)
    with pytest.raises(OutcomeUnknown):
        await gateway.find(payment)
    (charge,) = at.stripe.ledger.charges.values()
    intents.finish(at.stripe.ledger, charge, succeeded=True)
    assert isinstance(await gateway.find(payment), Charged)


@EACH
async def test_amount_and_currency_are_those_that_stripe_reports(
    at: AtStripe, adapter: str, path: str
) -> None:
    lie = {"amount": 777, "amount_captured": 777, "currency": "eur", "livemode": True}
    at.stripe.ledger.next_charges.append(Plan(report=lie))
    payment = a_payment()
    outcome = await adapter_of(at, adapter).charge(payment, VISA)
    assert isinstance(outcome, Charged)
    assert (str(outcome.amount), outcome.livemode) == ("7.77 eur", True)
    assert await adapter_of(at, adapter).find(payment) == outcome


@EACH
async def test_a_charge_that_lands_late_is_found(at: AtStripe, adapter: str, path: str) -> None:
    at.stripe.faults.add("late", f"^{path}$", seconds=0.2)
    payment, gateway = a_payment(), adapter_of(at, adapter)
    with pytest.raises(OutcomeUnknown):
        await gateway.charge(payment, VISA)
    assert await gateway.find(payment) is None
    await asyncio.wait_for(asyncio.gather(*at.stripe.double.wire.late), 10)
    assert isinstance(await gateway.find(payment), Charged)


@EACH
async def test_a_charge_long_after_its_time_is_found_by_search(
    at: AtStripe, adapter: str, path: str
) -> None:
    at.stripe.ledger.search_lag = 0
    now = at.stripe.ledger.now()
    at.stripe.ledger.now = lambda: now + 3600
    payment, gateway = a_payment(), adapter_of(at, adapter)
    charged = await gateway.charge(payment, VISA)
    assert await gateway.find(payment) == charged


@EACH
async def test_a_search_that_fails_does_not_hide_what_the_list_said(
    at: AtStripe, adapter: str, path: str
) -> None:
    at.stripe.faults.add("status_before", "/search$", method="GET", status=403, times=-1)
    assert await adapter_of(at, adapter).find(a_payment()) is None


@EACH
async def test_a_payment_is_found_beyond_the_first_page(
    at: AtStripe, adapter: str, path: str
) -> None:
    payment, gateway = a_payment(), adapter_of(at, adapter)
    charged = await gateway.charge(payment, CardToken("tok_visa"))
    for _ in range(stripe_client.PAGE + 5):
        at.stripe.double.ledger.charges |= {
            f"ch_{len(at.stripe.ledger.charges)}": {
                **next(iter(at.stripe.ledger.charges.values())),
                "id": f"ch_{len(at.stripe.ledger.charges)}",
                "metadata": {},
            }
        }
        if adapter == "intents":
            name = f"pi_{len(at.stripe.ledger.payment_intents)}"
            first = next(iter(at.stripe.ledger.payment_intents.values()))
            at.stripe.ledger.payment_intents[name] = {**first, "id": name, "metadata": {}}
    assert await gateway.find(payment) == charged


# --- payment intents ---------------------------------------------------------------------------


async def test_the_intent_of_a_declined_card_is_closed(at: AtStripe) -> None:
    outcome = await at.intents.charge(a_payment(), CardToken("tok_chargeDeclined"))
    (intent,) = at.stripe.ledger.payment_intents.values()
    assert intent["status"] == "canceled"
    assert outcome == Declined("generic_decline", intent["id"])


async def test_a_decline_is_a_decline_even_if_its_intent_cannot_be_closed(at: AtStripe) -> None:
    at.stripe.faults.add("status_before", "/cancel$", status=500)
    payment = a_payment()
    outcome = await at.intents.charge(payment, CardToken("tok_chargeDeclined"))
    assert isinstance(outcome, Declined)
    found = await at.intents.find(payment)
    (intent,) = at.stripe.ledger.payment_intents.values()
    assert found == outcome
    assert intent["status"] == "canceled"


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "garbage", "status_after"])
async def test_trouble_before_the_charge_was_sent_has_surely_taken_nothing(
    at: AtStripe, kind: Kind
) -> None:
    at.stripe.faults.add(kind, f"^{METHODS}$")
    with pytest.raises(GatewayUnavailable):
        await at.intents.charge(a_payment(), VISA)
    assert at.sent(INTENTS) == []


async def test_another_request_under_our_key_leaves_the_outcome_unknown(at: AtStripe) -> None:
    at.stripe.faults.add("status_before", f"^{METHODS}$", status=409)
    with pytest.raises(OutcomeUnknown):
        await at.intents.charge(a_payment(), VISA)


async def test_an_intent_canceled_by_hand_is_declined_with_the_reason(at: AtStripe) -> None:
    payment = a_payment()
    action = await at.intents.charge(payment, CardToken("tok_threeDSecure2Required"))
    assert isinstance(action, RequiresAction)
    reason = {"cancellation_reason": "fraudulent"}
    intents.cancel(at.stripe.ledger, action.reference, reason)
    assert await at.intents.find(payment) == Declined("fraudulent", action.reference)


async def test_a_card_that_failed_after_authentication_is_closed_and_declined(
    at: AtStripe,
) -> None:
    payment = a_payment()
    token = CardToken("tok_threeDSecureRequiredChargeDeclined")
    action = await at.intents.charge(payment, token)
    assert isinstance(action, RequiresAction)
    intent = at.stripe.ledger.payment_intents[action.reference]
    intents.authenticate(at.stripe.ledger, intent, succeeded=True)
    payment = evolve(payment, reference=action.reference)
    assert await at.intents.find(payment) == Declined("generic_decline", action.reference)
    assert intent["status"] == "canceled"


async def test_a_call_off_that_comes_too_late_finds_the_charge(at: AtStripe) -> None:
    payment = a_payment()
    action = await at.intents.charge(payment, CardToken("tok_threeDSecure2Required"))
    assert isinstance(action, RequiresAction)
    intent = at.stripe.ledger.payment_intents[action.reference]
    at.stripe.faults.add("slow", "/cancel$", seconds=0.3)
    asyncio.get_running_loop().call_later(
        0.1, lambda: intents.authenticate(at.stripe.ledger, intent, succeeded=True)
    )
    assert isinstance(await at.intents.cancel(payment), Charged)


async def test_a_payment_made_as_a_charge_is_found_with_intents(at: AtStripe) -> None:
    payment = a_payment()
    charged = await at.charges.charge(payment, VISA)
    assert await at.intents.find(payment) == charged


async def test_a_charge_declines_a_card_that_wants_authentication(at: AtStripe) -> None:
    outcome = await at.charges.charge(a_payment(), CardToken("tok_threeDSecure2Required"))
    assert outcome == Declined("authentication_required")


# --- the line ----------------------------------------------------------------------------------


@EACH
async def test_a_key_that_works_is_shown_to_work(at: AtStripe, adapter: str, path: str) -> None:
    await adapter_of(at, adapter).check()
    assert len(at.stripe.double.recent) == 1


async def test_a_refused_key_is_told_in_one_line_without_it() -> None:
    async with at_stripe(key="sk_live_of_somebody") as at:
        with pytest.raises(OutcomeUnknown) as refused:
            await at.intents.check()
    assert "401" in str(refused.value)
    assert "refuses our key" in str(refused.value)
    assert "somebody" not in repr(refused.value)


async def test_an_unreachable_stripe_is_told_in_one_line() -> None:
    async with at_stripe(address="http://127.0.0.1:1") as at:
        with pytest.raises(OutcomeUnknown, match="no connection"):
            await at.charges.check()


@pytest.mark.parametrize(
    ("key", "live"),
    [("sk_live_x", True), ("rk_live_x", True), ("sk_test_x", False), ("rk_test_x", False)],
)
def test_the_key_says_whether_money_is_real(key: str, live: bool) -> None:
    assert StripeApi(key).livemode is live
    assert StripeCharges(StripeApi(key)).livemode is live


def test_the_key_is_in_no_repr() -> None:
    assert "secret" not in repr(StripePaymentIntents(StripeApi("sk_test_secret")))


@EACH
@pytest.mark.parametrize("token", ["tok_visa", "tok_chargeDeclined", "tok_nobody_s", "pm_nobody_s"])
async def test_nothing_of_a_charge_is_logged(
    at: AtStripe,
    adapter: str,
    path: str,
    token: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="stripe")
    payment, gateway = a_payment(), adapter_of(at, adapter)
    outcome = await gateway.charge(payment, CardToken(token))
    if isinstance(outcome, Charged):
        await gateway.refund(payment, a_refund(payment, outcome))
    out, err = capfd.readouterr()
    told = caplog.text + out + err
    assert token not in told
    assert KEY not in told
    assert "secret" not in told
