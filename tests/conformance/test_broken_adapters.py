"""The example passes the kit; each broken variant of it breaks the promise that the kit names."""

import shutil
from pathlib import Path

import pytest

from tests.conformance.shell import EXAMPLES, run, run_kit

KIT = "pytest -p no:cacheprovider --gateway tillpay_kit:make_gateway"
KIT_CAPTURES = KIT.replace("tillpay_kit", "tillpay_captures_kit")
KIT_NOTIFICATIONS = KIT.replace("tillpay_kit", "tillpay_notifications_kit")
READER, VALID = "tillpay/notifications.py", "(ours and headers.get(SIGNATURE))"
ADAPTER, CLIENT = "tillpay/gateway.py", "tillpay/client.py"
CAPTURES = "tillpay/captures.py"
NEW_KEY = '__import__("uuid").uuid4().hex'
UNKNOWN = 'raise OutcomeUnknown(f"no reply from Tillpay: {type(error).__name__}")'
BY_REFERENCE = '{"id": refund.reference} if refund.reference else {"label": refund.key}'
QUERY_FAILED = 'raise OutcomeUnknown(f"the query to Tillpay failed: {error}") from None'
AMOUNT = "payment.amount.minor_units"
PENDING = 'return RefundPending(refund["id"])'
UNDECIDED = 'raise OutcomeUnknown("a charge of Tillpay is not decided yet")'
POST = 'return await self._send("POST"'
TOO_LONG = 'if len(key) > 45:\n            raise RequestRefused("key")'
HELD = 'return Authorized(ChargeId(charge["id"]), amount, self.livemode, until)'
CHARGED = 'return super()._outcome({**charge, "state": "paid"})'
# A new charge of the same card, as if it were a capture.
AGAIN = f"""again = {{"label": payment.id, "card": "card_good", "currency": "usd", **body}}
            found = self._outcome(await self._client.post("/charges", {NEW_KEY}, again))"""

# What is wrong: the file, its text, the wrong text in its place, and the broken promise.
BROKEN = {
    "ignores the idempotency key": (
        *(ADAPTER, '"/charges", payment.id', f'"/charges", {NEW_KEY}'),
        "a repeated charge captures nothing more",
    ),
    "has the card in the idempotency key": (
        *(ADAPTER, '"/charges", payment.id', '"/charges", payment.id + token.value'),
        "a repeated charge with another card captures nothing",
    ),
    "reports a timeout as a decline": (
        *(CLIENT, UNKNOWN, 'raise RequestRefused("timeout")'),
        "a lost reply leaves the outcome unknown",
    ),
    "reports a lost reply as a request that was never sent": (
        *(CLIENT, UNKNOWN, 'raise GatewayUnavailable("no reply")'),
        "a lost reply leaves the outcome unknown",
    ),
    "refunds twice": (
        *(ADAPTER, '"/refunds", refund.key', f'"/refunds", {NEW_KEY}'),
        "a repeated refund returns nothing more",
    ),
    "drops the cents": (
        *(ADAPTER, AMOUNT, f"{AMOUNT} // 100 * 100"),
        "a charge captures the requested amount",
    ),
    "assumes two decimals for every currency": (
        *(ADAPTER, AMOUNT, "int(payment.amount.major * 100)"),
        "an amount is in minor units of its currency",
    ),
    "does not find a charge without its reference": (
        *(ADAPTER, "label=payment.id)", 'label=payment.reference or "")'),
        "a charge is found right after its reply",
    ),
    "finds nothing when the query failed": (
        *(ADAPTER, QUERY_FAILED, "return []"),
        "queries to an unreachable gateway are unknown",
    ),
    "does not find a refund by its reference": (
        *(ADAPTER, BY_REFERENCE, '{"label": refund.key}'),
        "a refund with a reference is found by it even if it is external",
    ),
    "calls a refund that is not settled refunded": (
        *(ADAPTER, PENDING, 'return Refunded(refund["id"], _money(refund))'),
        "a refund that is not settled is pending",
    ),
    "calls a refund that the bank returns pending": (
        *(ADAPTER, 'RefundFailed("returned", refund["id"])', 'RefundPending(refund["id"])'),
        "a refund that the bank returns has failed",
    ),
    "has no time limit": (
        *(CLIENT, "asyncio.timeout(CALL_SECONDS)", "asyncio.timeout(None)"),
        "a charge or refund without an answer ends in time as unknown",
    ),
    "reports an error of the gateway as a decline": (
        *(CLIENT, "reply.status == 402", "reply.status in (401, 402, 429, 500)"),
        "an error of the gateway is no decline",
    ),
    "reports a 500 as if nothing was done": (
        *(CLIENT, "reply.status == 429", "reply.status in (429, 500)"),
        "an error of the gateway is no decline",
    ),
    "reports a 401 as a refund that failed": (
        *(CLIENT, "reply.status == 402", "reply.status in (401, 402)"),
        "an error of the gateway is no failed refund",
    ),
    "finds nothing when it may not ask": (
        *(ADAPTER, QUERY_FAILED, "return []"),
        "an error of the gateway is no missing payment",
    ),
    "reports a charge that is not decided as declined": (
        *(ADAPTER, UNDECIDED, 'return Declined("not_decided")'),
        "a charge that is not decided is neither declined nor charged",
    ),
    "takes no keys over 45 characters": (
        *(
            CLIENT,
            POST,
            f'if len(key) > 45:\n            raise RequestRefused("key")\n        {POST}',
        ),
        "the longest key is accepted",
    ),
    "cuts long keys": (
        *(ADAPTER, '"/refunds", refund.key', '"/refunds", refund.key[:40]'),
        "two refunds of one payment return both amounts",
    ),
    "quotes the request in an error": (
        *(CLIENT, "{type(error).__name__}", "{content}"),
        "an error does not contain the card token",
    ),
}

BROKEN_CAPTURES = {
    "captures at once": (
        *(CAPTURES, '"hold": is_manual', '"hold": False'),
        "an authorization holds the amount and captures nothing",
    ),
    "captures everything": (
        *(CAPTURES, '"amount": amount.minor_units', '"amount": payment.amount.minor_units'),
        "a capture of a part releases the rest",
    ),
    "reports the authorization as a charge": (
        *(CAPTURES, HELD, CHARGED),
        "an authorization holds the amount and captures nothing",
    ),
    "reports a release as a capture": (
        *(CAPTURES, 'return Declined("released")', CHARGED),
        "a capture after the release reports the release",
    ),
    "reports a hold that has run out as held": (
        *(CAPTURES, 'case "held":', 'case "held" | "released":'),
        "an authorization that has run out is a decline",
    ),
    "reports a capture that was made before as failed": (
        *(CAPTURES, "if is_held else found", "if is_held or found else found"),
        "a second capture with another key captures nothing more",
    ),
    "reports the end of the hold as a failed capture": (
        *(CAPTURES, "if is_held else found", "if is_held or found else found"),
        "a capture after the end reports the end",
    ),
    "releases nothing": (
        *(CAPTURES, '{"label": payment.id}', '{"label": payment.order_id}'),
        "cancelling an authorization releases it and is a decline",
    ),
    "captures again what is captured": (
        *(CAPTURES, "found = await self.find(payment)", AGAIN),
        "a second capture with another key captures nothing more",
    ),
    "reports a capture without a reply as failed": (
        *(CLIENT, UNKNOWN, 'raise RequestRefused("timeout")'),
        "a capture whose reply was lost is found and not repeated",
    ),
    "reports a 500 as a failed capture": (
        *(CLIENT, "reply.status == 402", "reply.status in (402, 500)"),
        "an error of the gateway is no failed capture",
    ),
}


BROKEN_READERS = {
    "accepts everything": (
        *(READER, "raise InvalidNotification(", "print("),
        "a notification without a signature is refused",
    ),
    "accepts any signature": (
        *(READER, 'hmac.compare_digest(ours.encode(), headers.get(SIGNATURE, "").encode())', VALID),
        "an altered notification is refused",
    ),
    "does not bear deep nesting": (
        *(READER, "(ValueError, RecursionError)", "ValueError"),
        "a large notification says nothing and is read in time",
    ),
}


@pytest.mark.parametrize("kit", [KIT, KIT_CAPTURES, f"{KIT_NOTIFICATIONS} -k Notification"])
def test_the_example_passes_from_an_empty_folder(kit: str, tmp_path: Path) -> None:
    done = run(kit, tmp_path, path=EXAMPLES)
    assert done.returncode == 0, done.stdout
    assert "BROKEN" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variant", BROKEN)
def test_a_broken_adapter_fails_with_the_name_of_its_promise(variant: str, tmp_path: Path) -> None:
    fails_by_name(KIT, *BROKEN[variant], tmp_path)


@pytest.mark.parametrize("variant", BROKEN_CAPTURES)
def test_a_broken_capture_fails_with_the_name_of_its_promise(variant: str, tmp_path: Path) -> None:
    fails_by_name(KIT_CAPTURES, *BROKEN_CAPTURES[variant], tmp_path)


@pytest.mark.parametrize("variant", BROKEN_READERS)
def test_a_broken_reader_fails_with_the_name_of_its_promise(variant: str, tmp_path: Path) -> None:
    fails_by_name(KIT_NOTIFICATIONS, *BROKEN_READERS[variant], tmp_path)


def fails_by_name(
    kit: str, name: str, right: str, wrong: str, promise: str, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    code = (tmp_path / name).read_text()
    assert right in code
    (tmp_path / name).write_text(code.replace(right, wrong))
    test = "test_" + promise.replace("'s ", "_s_").replace(" ", "_")
    done = run_kit(f"{kit} --tb=no -k {test}", tmp_path)
    assert done.returncode == 1, done.stdout
    assert f"BROKEN     {promise}\n" in done.stdout
