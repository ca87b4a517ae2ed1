"""The commands `payments verify-history` and `payments export-history` from outside."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from payments_kit.simulation.model.records import History
from payments_kit.simulation.model.reports import GivenBack
from payments_kit.verification import summary
from payments_kit.verification.export_command import export_history
from payments_kit.verification.ingest import Ingest
from payments_kit.verification.lines import End, Foreign, GatewayLists, Waiting, encode
from payments_kit.verification.verify_command import verify_history
from tests.simulation.broken_recordings import RECORDED
from tests.simulation.histories import GIVEN_BACK, LESS, PAID, after, charge, order, payment
from tests.verification.files import file_of, header, judged

LINES = file_of(GIVEN_BACK)
HOW_TO = Path(__file__).parents[2] / "docs/how-to/verify-a-history.md"


def verify(folder: Path, lines: Sequence[bytes], *options: str) -> Result:
    file = folder / "shop.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return CliRunner().invoke(verify_history, [str(file), *options])


def with_line(lines: Sequence[bytes], *added: bytes) -> list[bytes]:
    return [*lines[:-1], *added, encode(End(len(lines) - 1 + len(added)))]


def test_a_file_in_which_every_promise_is_kept_is_status_0(tmp_path: Path) -> None:
    ended = verify(tmp_path, LINES)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines()[-1].startswith("kept from 2025-12-29T12:00:00+00:00 to ")
    assert "1 history is intact, 1 order judged as a whole" in ended.stdout


def test_the_documented_report_names_everything_that_no_file_proves(tmp_path: Path) -> None:
    def unproved(report: str) -> list[str]:
        return re.findall(r"^not judged: (?:of )?promise .+$", report, re.MULTILINE)

    documented = HOW_TO.read_text().partition("$ payments verify-history week.jsonl\n")[2]
    printed = verify(tmp_path, file_of(evolve(GIVEN_BACK, disputes=[]))).stdout
    assert unproved(documented.partition("```")[0]) == unproved(printed) != []


def test_a_broken_promise_is_status_1_with_the_lines_that_show_it(tmp_path: Path) -> None:
    broken = evolve(PAID, charges=[charge(amount=LESS)])
    ended = verify(tmp_path, file_of(broken))
    assert ended.exit_code == 1, ended.output
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("BROKEN promise 2, order o1, payment p1: payment p1 captured 10000 ")
    assert "    line 9: charge ch_1 of fake: 9900 usd, captured" in lines
    assert lines[-1].endswith(": 2 times (promise 2: 2)")


def test_a_damaged_file_is_status_2_with_one_line(tmp_path: Path) -> None:
    ended = verify(tmp_path, LINES[:-1])
    assert (ended.exit_code, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"payments: {tmp_path / 'shop.jsonl'}: line {len(LINES)}: ")
    assert CliRunner().invoke(verify_history, [str(tmp_path / "none")]).exit_code == 2


def test_a_file_of_which_no_order_is_complete_is_status_2(tmp_path: Path) -> None:
    ended = verify(tmp_path, with_line(LINES, encode(Waiting("o1"))))
    assert ended.exit_code == 2
    assert "not judged: 1 order, has an event that was not published yet: o1" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("no order from ")


def test_what_has_changed_just_before_the_export_is_judged_later_and_it_says_so(
    tmp_path: Path,
) -> None:
    ended = verify(tmp_path, file_of(GIVEN_BACK, header(until=after(5))))
    assert ended.exit_code == 2
    said = ended.stdout.splitlines()
    assert said[0] == "not judged: 1 order, changed at the end of the period, or after it: o1"
    assert said[1].startswith(
        "    to judge it, export again 10 minutes or more after its last change"
    )


def test_a_file_without_orders_says_that_there_is_nothing_to_judge(tmp_path: Path) -> None:
    ended = verify(tmp_path, [encode(header()), encode(End(1))])
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[-1].startswith("nothing to judge from ")


def test_a_machine_reads_one_json_object(tmp_path: Path) -> None:
    broken = evolve(GIVEN_BACK, refunds=[GivenBack("ch_1", LESS, "r1")])
    ended = verify(tmp_path, with_line(file_of(broken), encode(Foreign("fake", 3))), "--json")
    found = json.loads(ended.stdout)
    assert (ended.exit_code, found["kept"], found["foreign"]) == (1, False, 3)
    assert found["orders"] == {"judged": 1, "notJudged": 0}
    assert found["brokenCount"] == len(found["broken"])
    first = found["broken"][0]
    assert (first["promise"], first["order"], first["payments"]) == (2, "o1", ["p1"])
    assert any(each["what"].startswith("refund re_1 of charge ch_1") for each in first["evidence"])
    promises = {each["promise"]: each for each in found["promises"]}
    assert [*promises] == [*range(1, 12)]
    assert promises[2]["broken"] >= 1
    assert (promises[8]["judged"], promises[5]["judged"]) == (False, True)


@pytest.mark.parametrize(
    ("problem", "status", "said"),
    [
        (sqlite3.OperationalError("database or disk is full"), 2, "TMPDIR"),
        (KeyboardInterrupt(), 130, ""),
        (AssertionError("unforeseen"), 2, "unforeseen"),
    ],
)
def test_what_prevents_the_verification_is_no_broken_promise(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: BaseException,
    status: int,
    said: str,
) -> None:
    def full(*_values: object) -> None:
        raise problem

    monkeypatch.setattr(Ingest, "read", full)
    ended = verify(tmp_path, LINES)
    assert (ended.exit_code, ended.stdout) == (status, "")
    assert said in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full disk in /dev")
def test_a_result_that_cannot_be_printed_is_status_2_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / "shop.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in LINES))
    command = "from payments_kit.verification.verify_command import *; verify_history()"
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-c", command, str(file)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "payments: the result cannot be printed: No space left on device"
    ]


def test_standard_input_is_read(tmp_path: Path) -> None:
    content = b"".join(line + b"\n" for line in LINES)
    ended = CliRunner().invoke(verify_history, ["-"], input=content)
    assert ended.exit_code == 0, ended.output


@pytest.mark.parametrize(
    ("changes", "lacks"),
    [
        ({"includes": ["histories", "events"]}, "events of the orders service"),
        ({"includes": ["histories", "orderEvents"]}, "our events"),
        ({"gateways": [GatewayLists("fake", False, False)]}, "charges of fake, refunds of fake"),
        ({"gateways": [GatewayLists("fake", True, False)]}, "refunds of fake"),
        ({"gateways": []}, "charges of the gateways"),
    ],
)
def test_what_the_file_lacks_is_named_and_is_no_false_alarm(
    tmp_path: Path, changes: dict[str, object], lacks: str
) -> None:
    first = header(**changes)
    kinds = {"events": b'"event"', "orderEvents": b'"orderEvent"'}
    missing = [kind for part, kind in kinds.items() if part not in first.includes]
    if not any(each.charges for each in first.gateways):
        missing.append(b'"charge"')
    if not any(each.refunds for each in first.gateways):
        missing.append(b'"refund"')
    lines = file_of(GIVEN_BACK, first)
    kept = [line for line in lines if not line.startswith(tuple(b'{"kind":' + k for k in missing))]
    ended = verify(tmp_path, with_line(kept))
    assert ended.exit_code == 0, ended.output
    assert lacks in ended.stdout


def test_a_charge_of_a_gateway_that_the_header_does_not_name_is_counted_once() -> None:
    assert judged(file_of(GIVEN_BACK, header(gateways=[]))).is_kept


def test_without_histories_no_order_is_judged_and_nothing_is_reported(tmp_path: Path) -> None:
    lines = file_of(GIVEN_BACK, header(includes=["events", "orderEvents"]))
    kept = [line for line in lines if not line.startswith(b'{"kind":"history"')]
    ended = verify(tmp_path, with_line(kept))
    assert ended.exit_code == 2
    assert "has no history in the file, so our books are not known: o1" in ended.stdout
    assert "the file lacks histories of orders" in ended.stdout


def test_what_a_file_contains_never_writes_a_line_of_its_own(tmp_path: Path) -> None:
    odd = evolve(PAID, charges=[charge(id="ch_1\nkept")])
    ended = verify(tmp_path, file_of(odd))
    assert ended.exit_code == 1
    assert not any(line.startswith("kept") for line in ended.stdout.splitlines())


def test_a_long_text_is_shortened_for_a_person_and_whole_for_a_machine(tmp_path: Path) -> None:
    long = "ch_" + "9" * 900
    lines = file_of(evolve(PAID, charges=[charge(id=long, amount=LESS)]))
    shown = verify(tmp_path, lines).stdout.splitlines()
    assert any("…" in line for line in shown)
    assert max(map(len, shown)) < 300
    assert long in verify(tmp_path, lines, "--json").stdout


def test_many_broken_promises_are_counted_and_some_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summary, "MAX_BROKEN", 3)
    payments = [payment(number, charge_id=f"ch_{number}") for number in range(1, 30)]
    orders = [order(each, id=f"o{number}") for number, each in enumerate(payments)]
    found = judged(file_of(History(orders=orders)))
    assert (len(found.broken), found.counts.total()) == (3, 3 * len(orders))
    assert f"… and {3 * len(orders) - 3} more" in [*found.as_text()]


def test_two_orders_that_record_the_same_charge_are_judged_together() -> None:
    one = order(payment())
    two = order(payment(2, charge_id="ch_1"), id="o2")
    found = judged(file_of(evolve(PAID, orders=[one, two], order_events=None)))
    assert any("ch_1 is recorded twice" in each.what for each in found.broken)


def test_the_history_of_a_file_is_also_judged_alone() -> None:
    assert judged(file_of(RECORDED)).histories == 1


@pytest.mark.parametrize("command", [verify_history, export_history])
def test_the_help_has_examples(command: click.Command) -> None:
    shown = CliRunner().invoke(command, ["--help"]).output
    assert "Examples:" in shown
    assert f"payments {command.name} " in shown


def test_an_export_needs_the_settings_and_a_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    ended = CliRunner().invoke(export_history, ["-"])
    assert ended.exit_code == 1
    assert "DATABASE_URL" in ended.stderr
