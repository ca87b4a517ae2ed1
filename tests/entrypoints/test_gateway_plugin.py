"""A gateway plug-in is loaded by its reference; each problem is reported in one line."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.gateway_plugin import GatewayPlugin
from entrypoints.settings import read_settings
from tests.conformance.shell import EXAMPLES, run

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://shop:hunter2@db/shop",
    "NATS_URL": "nats://one:4222",
    "JWT_KEY": "jwt-hunter2",
    "TILLPAY_KEY": "till_test_hunter2",
}
TILLPAY = "tillpay.gateway:make_gateway"
CODE = """
from application.ports.gateway_plugin import InvalidSetting

secret = "hunter2\\nhunter3"

def invalid(environment):
    raise InvalidSetting("SHOP_KEY", "is required")

def leaking(environment):
    raise ValueError(f"this is no key: {environment['TILLPAY_KEY']}")

def incomplete(environment):
    class Incomplete:
        name, livemode = "incomplete", False
        async def charge(self, payment, token): ...
        async def check(self): ...
    return Incomplete()

def half_a_reader(environment):
    from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
    class HalfAReader:
        def read_verified(self, body): ...
    class WithReader(InMemoryGateway):
        notification_reader = HalfAReader()
    return WithReader(GatewayLedger(None))
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of plug-ins, and the example of the guide."""
    (tmp_path / "shop_gateways.py").write_text(CODE)
    (tmp_path / "shop_raises.py").write_text("raise RuntimeError('hunter2\\nhunter3')")
    (tmp_path / "shop_imports.py").write_text("import absent_library")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)


def plugin(reference: str, environment: Mapping[str, str] = ENVIRONMENT) -> GatewayPlugin:
    [gateway] = read_settings({**environment, "PAYMENT_GATEWAY": reference}).payment_gateways
    assert isinstance(gateway, GatewayPlugin)
    return gateway


async def test_a_plugin_makes_the_gateway_from_the_environment_and_shows_no_secret() -> None:
    gateway = plugin(TILLPAY).open()
    assert (gateway.name, gateway.livemode) == ("tillpay", False)
    assert plugin(TILLPAY, {**ENVIRONMENT, "TILLPAY_KEY": "till_live_hunter2"}).open().livemode
    await gateway.close()
    assert str(plugin(TILLPAY)) == TILLPAY
    assert "hunter" not in repr(plugin(TILLPAY))


ABSENT = "PAYMENT_GATEWAY: {}: there is no module "
NO_FUNCTION = "PAYMENT_GATEWAY: {}: shop_gateways has no function "


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("absent.module:make", ABSENT + "absent"),
        ("tillpay.absent:make", ABSENT + "tillpay.absent"),
        ("shop_imports:make", ABSENT + "absent_library"),
        ("shop_raises:make", "PAYMENT_GATEWAY: {}: importing it raised RuntimeError"),
        ("shop_gateways:absent", NO_FUNCTION + "absent"),
        ("shop_gateways:secret", NO_FUNCTION + "secret"),
        ("shop_gateways:invalid", "SHOP_KEY: is required"),
        ("shop_gateways:leaking", "PAYMENT_GATEWAY: {} raised ValueError"),
        (
            "shop_gateways:incomplete",
            "PAYMENT_GATEWAY: {} did not return a gateway:"
            " missing find, cancel, refund, find_refund, close",
        ),
        (
            "shop_gateways:half_a_reader",
            "PAYMENT_GATEWAY: {}: its notification_reader has no read or read_verified",
        ),
    ],
)
def test_a_plugin_without_a_gateway_is_reported_in_one_line(reference: str, problem: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        plugin(reference).open()
    assert str(caught.value) == problem.format(reference)


@pytest.mark.parametrize(
    "value",
    ["shop_gateways", "shop_gateways:", ":make", "a b:make", "shop-gateways:make", "a:b:c", ".a:b"],
)
def test_a_malformed_reference_is_rejected(value: str) -> None:
    problem = r"^PAYMENT_GATEWAY: must be one of .* or package\.module:"
    with pytest.raises(InvalidSetting, match=problem):
        plugin(value)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_plugin_that_rejects_the_environment_stops_a_process_with_one_line(
    command: str, tmp_path: Path
) -> None:
    done = run(f"PAYMENT_GATEWAY={TILLPAY} payments {command}", tmp_path, path=EXAMPLES)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line == "payments: TILLPAY_KEY: must begin with till_test_ or till_live_"
    odd = f"STRIPEKEY=hunter2 JWT_KEY='hunter2 ' PAYMENT_GATEWAY={TILLPAY} payments {command}"
    *warnings, last = run(odd, tmp_path, path=EXAMPLES).stdout.splitlines()
    assert last == line
    problems = [json.loads(warning)["problem"] for warning in warnings]
    assert [problem.partition(":")[0] for problem in problems] == ["JWT_KEY"] * 2 + ["STRIPEKEY"]
    assert "hunter2" not in "".join(warnings)
