"""`payments audit verify`: what a file contains never writes lines of its own to the terminal."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from domain.actor import THE_SERVICE
from domain.audit_file import last_line, line_of
from domain.history import record
from domain.identifiers import OrderId
from entrypoints.cli import main
from tests.builders import NOW, an_order, created_event


@pytest.mark.parametrize(
    ("order_id", "shown"),
    [
        ("bestellung-ä", "bestellung-ä"),
        ("1: 9 entries are intact\nroot", r"'1: 9 entries are intact\nroot'"),
        ("\x1b[2J", r"'\x1b[2J'"),
    ],
)
def test_an_odd_order_is_shown_on_one_line(tmp_path: Path, order_id: str, shown: str) -> None:
    order = an_order(replica=created_event(OrderId(order_id)))
    [entry] = record(None, order, None, 0, THE_SERVICE, NOW).entries
    file = tmp_path / "order.jsonl"
    file.write_text(f"{line_of(entry)}\n{last_line(entry, order.id, None)}\n")
    ended = CliRunner().invoke(main, ["audit", "verify", str(file)])
    assert ended.exit_code == 0, ended.output
    verified, no_root = ended.output.splitlines()
    assert verified.startswith(f"order {shown}: 1 entries are intact; ")
    assert no_root.startswith("no root ")
