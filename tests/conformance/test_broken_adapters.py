"""The kit lets the example pass, and names the promise that a broken variant of it does not keep."""

import shutil
from pathlib import Path

import pytest

from tests.conformance.shell import EXAMPLES, run

KIT = "pytest -p no:cacheprovider --gateway tillpay_kit:make_gateway"
ADAPTER, LINE = "tillpay/gateway.py", "tillpay/line.py"
NEW_KEY = '__import__("uuid").uuid4().hex'
UNKNOWN = 'raise OutcomeUnknown(f"no answer from tillpay: {type(error).__name__}")'
BY_REFERENCE = '{"id": refund.reference} if refund.reference else {"label": refund.key}'

# What is wrong: the file, what stands there, and what stands there instead; the broken promise.
BROKEN = {
    "forgets the idempotency key": (
        (ADAPTER, '"/charges", payment.id', f'"/charges", {NEW_KEY}'),
        "a charge sent again takes nothing more",
    ),
    "has the card in the idempotency key": (
        (ADAPTER, '"/charges", payment.id', '"/charges", payment.id + token.value'),
        "a charge sent again with another card takes nothing more",
    ),
    "takes a timeout for a decline": (
        (LINE, UNKNOWN, 'raise Refused("timeout")'),
        "a lost reply leaves the outcome unknown",
    ),
    "takes a lost reply for a request never sent": (
        (LINE, UNKNOWN, 'raise GatewayUnavailable("no answer")'),
        "a lost reply leaves the outcome unknown",
    ),
    "refunds twice": (
        (ADAPTER, '"/refunds", refund.key', f'"/refunds", {NEW_KEY}'),
        "a refund sent again gives nothing more",
    ),
    "loses the cents": (
        (ADAPTER, "payment.amount.minor", "payment.amount.minor // 100 * 100"),
        "a good card is charged what was asked for",
    ),
    "has a hundred cents in everything": (
        (ADAPTER, "payment.amount.minor", "int(payment.amount.major * 100)"),
        "a currency is charged in its own minor units",
    ),
    "does not find what has no reference yet": (
        (ADAPTER, "label=payment.id)", 'label=payment.reference or "")'),
        "a charge is found as soon as it was answered",
    ),
    "finds nothing where it could not ask": (
        (
            ADAPTER,
            'raise OutcomeUnknown(f"tillpay could not be asked: {unanswered}") from None',
            "return []",
        ),
        "what an unreachable gateway knows is unknown",
    ),
    "does not find a refund by its reference": (
        (ADAPTER, BY_REFERENCE, '{"label": refund.key}'),
        "a refund whose reference is known is found by it whoever began it",
    ),
    "quotes what was sent": (
        (LINE, "{type(error).__name__}", "{content}"),
        "an error names no card token",
    ),
}


def test_the_example_passes_from_an_empty_folder(tmp_path: Path) -> None:
    done = run(KIT, tmp_path, path=EXAMPLES)
    assert done.returncode == 0, done.stdout
    assert "BROKEN" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_adapter_is_told_which_promise_it_breaks(fault: str, tmp_path: Path) -> None:
    (name, right, wrong), promise = BROKEN[fault]
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    code = (tmp_path / name).read_text()
    assert right in code
    (tmp_path / name).write_text(code.replace(right, wrong))
    done = run(f"{KIT} --tb=no", tmp_path)
    assert done.returncode == 1, done.stdout
    assert f"BROKEN     {promise}\n" in done.stdout
