"""The example files in docs/examples/histories are judged as the how-to says."""

from pathlib import Path

from click.testing import CliRunner

from payments_kit.verification.verify_command import verify_history

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "histories"


def test_one_is_kept() -> None:
    done = CliRunner().invoke(verify_history, [str(EXAMPLES / "kept.jsonl")])
    assert done.exit_code == 0, done.output
    assert "2 histories are intact" in done.output


def test_one_has_a_refund_of_less_at_the_gateway() -> None:
    done = CliRunner().invoke(verify_history, [str(EXAMPLES / "broken.jsonl")])
    assert done.exit_code == 1
    assert done.output.startswith(
        "BROKEN promise 2, order order2, payment p5: the gateway refunded 900 usd"
        " for p5-back-0-7a118107, and ours is succeeded (1000 usd of ch_00000001)\n"
    )
    assert done.output.endswith(
        "BROKEN from 2025-12-29T00:00:00+00:00 to "
        "2026-03-02T00:00:00+00:00: 3 times (promise 2: 2, 4: 1)\n"
    )
