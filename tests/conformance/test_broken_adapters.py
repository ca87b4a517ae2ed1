"""The example passes the kit; each broken variant of it breaks the promise that the kit names."""

import shutil
from pathlib import Path

import pytest

from tests.conformance.shell import EXAMPLES, run

KIT = "pytest -p no:cacheprovider --gateway tillpay_kit:make_gateway"
ADAPTER, CLIENT = "tillpay/gateway.py", "tillpay/client.py"
NEW_KEY = '__import__("uuid").uuid4().hex'
UNKNOWN = 'raise OutcomeUnknown(f"no reply from Tillpay: {type(error).__name__}")'
BY_REFERENCE = '{"id": refund.reference} if refund.reference else {"label": refund.key}'
QUERY_FAILED = 'raise OutcomeUnknown(f"the query to Tillpay failed: {error}") from None'
AMOUNT = "payment.amount.minor_units"

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
    "quotes the request in an error": (
        *(CLIENT, "{type(error).__name__}", "{content}"),
        "an error does not contain the card token",
    ),
}


def test_the_example_passes_from_an_empty_folder(tmp_path: Path) -> None:
    done = run(KIT, tmp_path, path=EXAMPLES)
    assert done.returncode == 0, done.stdout
    assert "BROKEN" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variant", BROKEN)
def test_a_broken_adapter_fails_with_the_name_of_its_promise(variant: str, tmp_path: Path) -> None:
    name, right, wrong, promise = BROKEN[variant]
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    code = (tmp_path / name).read_text()
    assert right in code
    (tmp_path / name).write_text(code.replace(right, wrong))
    done = run(f"{KIT} --tb=no", tmp_path)
    assert done.returncode == 1, done.stdout
    assert f"BROKEN     {promise}\n" in done.stdout
