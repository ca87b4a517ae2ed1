"""A gateway of the shop's own is found by its name, and what is wrong with it said in one line."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from entrypoints.gateway_plugin import GatewayPlugin
from entrypoints.settings import InvalidSetting, read_settings
from tests.conformance.shell import EXAMPLES, run

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://shop:hunter2@db/shop",
    "NATS_URL": "nats://one:4222",
    "JWT_KEY": "jwt-hunter2",
    "TILLPAY_KEY": "till_test_hunter2",
}
TILLPAY = "tillpay.gateway:make_gateway"
CODE = """
import os
from entrypoints.settings import BadSetting

secret = "hunter2\\nhunter3"

def refusing(environment):
    raise BadSetting("SHOP_KEY", "is required")

def quoting(environment):
    raise ValueError(f"this is no key: {environment['TILLPAY_KEY']}")

def half(environment):
    class Half:
        name, livemode = "half", False
        async def charge(self, payment, token): ...
        async def check(self): ...
    return Half()

"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the shop's own, and the guide's example."""
    (tmp_path / "shop_gateways.py").write_text(CODE)
    (tmp_path / "shop_quotes.py").write_text("raise RuntimeError('hunter2\\nhunter3')")
    (tmp_path / "shop_needs.py").write_text("import absent_library")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)


def own(reference: str, environment: Mapping[str, str] = ENVIRONMENT) -> GatewayPlugin:
    gateway = read_settings({**environment, "PAYMENT_GATEWAY": reference}).payment_gateway
    assert isinstance(gateway, GatewayPlugin)
    return gateway


async def test_a_function_of_the_shop_s_makes_the_gateway() -> None:
    gateway = own(TILLPAY).open()
    assert (gateway.name, gateway.livemode) == ("tillpay", False)
    assert own(TILLPAY, {**ENVIRONMENT, "TILLPAY_KEY": "till_live_hunter2"}).open().livemode
    await gateway.close()


def test_it_is_told_by_its_name() -> None:
    assert str(own(TILLPAY)) == TILLPAY
    assert "hunter" not in repr(own(TILLPAY))


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("absent.module:make", "there is no module absent"),
        ("tillpay.absent:make", "there is no module tillpay.absent"),
        ("shop_needs:make", "there is no module absent_library"),
        ("shop_quotes:make", "importing it raised RuntimeError"),
        ("shop_gateways:absent", "shop_gateways has no function absent"),
        ("shop_gateways:secret", "shop_gateways has no function secret"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(reference: str, problem: str) -> None:
    with pytest.raises(InvalidSetting) as bad:
        own(reference)
    assert str(bad.value) == f"PAYMENT_GATEWAY: {reference}: {problem}"


@pytest.mark.parametrize(
    "reference",
    ["shop_gateways", "shop_gateways:", ":make", "a b:make", "shop-gateways:make", "a:b:c", ".a:b"],
)
def test_what_names_no_function_is_refused(reference: str) -> None:
    with pytest.raises(
        InvalidSetting, match=r"^PAYMENT_GATEWAY: must be one of .* or package\.module:"
    ):
        own(reference)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("refusing", "SHOP_KEY: is required"),
        ("quoting", "PAYMENT_GATEWAY: shop_gateways:quoting raised ValueError"),
        (
            "half",
            "PAYMENT_GATEWAY: shop_gateways:half made no gateway:"
            " it lacks find, cancel, refund, find_refund, close",
        ),
    ],
)
def test_a_function_that_makes_no_gateway_is_said_in_one_line(name: str, problem: str) -> None:
    with pytest.raises(InvalidSetting) as bad:
        own(f"shop_gateways:{name}").open()
    assert str(bad.value) == problem


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_gateway_that_refuses_the_environment_stops_a_process_with_one_line(
    command: str, tmp_path: Path
) -> None:
    done = run(f"PAYMENT_GATEWAY={TILLPAY} payments {command}", tmp_path, path=EXAMPLES)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line == "payments: TILLPAY_KEY: must begin with till_test_ or till_live_"
