"""The records of a whole shop as a file: exported by the command, and judged."""

import json
import re
from datetime import timedelta
from pathlib import Path

from adapters.clock import utc_now
from tests.system.system import System
from tests.verification.files import broken_in, ended, judged

_HASH = re.compile(rb',"hash":"[0-9a-f]{64}"\}\Z')


async def assert_the_history_is_kept(system: System, orders: int, file: Path) -> None:
    """Check that what the shop's records say is kept, and that damages of them are found."""
    until = (utc_now() + timedelta(hours=1)).isoformat()
    exported = await system.run_command(
        "export-history", str(file), "--since", "3d", "--until", until
    )
    assert exported.returncode == 0, exported
    verified = await system.run_command("verify-history", "--json", str(file))
    found = json.loads(verified.stdout)
    assert (verified.returncode, found["broken"]) == (0, []), verified
    assert found["orders"] == {"judged": orders, "notJudged": 0}
    assert [each["promise"] for each in found["promises"] if not each["judged"]] == [8]

    lines, number = _drop_a_charge(file)
    refused = await system.run_command("verify-history", str(file))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"payments: {file}: line {number + 1}: its hash is not that")
    for needle, promise in ((b'"captured"', "2"), (b'"kind":"refund"', "2"), (b":created", "3")):
        assert promise in _promises_broken_without(lines, needle), needle
    if system.deployment.gateway != "fake":
        await _assert_stripe_s_own_list_is_judged(system, lines)
        await system.stripe.add_fault("status_before", "^/v1/charges$", method="GET", status=401)
        refused = await system.run_command("export-history", str(file))
        assert refused.returncode == 1
        assert refused.stderr.endswith("; nothing was written\n")
        assert _lines_of(file) == lines[:number] + lines[number + 1 :]


async def _assert_stripe_s_own_list_is_judged(system: System, lines: list[bytes]) -> None:
    charges = await system.stripe.listed("charges")
    refunds = await system.stripe.listed("refunds")
    found = judged(lines, listed=json.dumps([*charges, *refunds]).encode())
    assert found.is_kept, found.broken
    assert found.judged > 0
    assert found.counted.lines["refund"] == len(refunds)
    without = judged(lines, listed=json.dumps([*refunds, charges[0]]).encode())
    assert "2" in {each[0] for each in broken_in(without)}


def _lines_of(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()


def _drop_a_charge(file: Path) -> tuple[list[bytes], int]:
    """Write a file without its first charge; return its lines, and the place of the charge."""
    lines = _lines_of(file)
    number = next(number for number, line in enumerate(lines) if b'"kind":"charge"' in line)
    file.write_bytes(b"\n".join([*lines[:number], *lines[number + 1 :]]))
    return lines, number


def _promises_broken_without(lines: list[bytes], needle: bytes) -> set[str]:
    """Return the promises that are broken without the first line with this, and without hashes."""
    bare = [_HASH.sub(b"}", line) for line in lines]
    bare[0] = bare[0].replace(b'"sealed":true', b'"sealed":false')
    kinds = (b'{"kind":"charge"', b'{"kind":"refund"', b'{"kind":"event"')
    number = next(at for at, line in enumerate(bare) if needle in line and line.startswith(kinds))
    assert broken_in(judged(bare)) == []
    return {each[0] for each in broken_in(judged(ended(bare[:number] + bare[number + 1 :])))}
